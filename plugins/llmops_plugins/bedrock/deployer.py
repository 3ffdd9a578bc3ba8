"""The deployer `bedrock`: it creates nothing, since AWS serves the model already."""

from __future__ import annotations

from llmops_plugins.bedrock.account import Account
from llmops_plugins.bedrock.options import BedrockOptions
from llmops_plugins.bedrock.settings import BedrockSettings
from llmops_plugins.bedrock.transport import BedrockTransport
from llmops_sdk.plugin import (
    Context,
    Deployer,
    Endpoint,
    EndpointError,
    ServableModel,
    TrainedModel,
    Transport,
    UserError,
)


class Bedrock(Deployer):
    """Asks a model of Bedrock."""

    options: BedrockOptions

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Check that there are credentials and a region.

        Raises:
            UserError: One of them is missing, or the run is offline.
        """
        if isinstance(model, TrainedModel):
            message = f"the deployer 'bedrock' serves no trained model: {model.uri!r}"
            raise EndpointError(message)
        if context.offline:
            message = "Bedrock needs the network, but this run is offline: run it without --offline"
            raise UserError(message)
        account = self._account(context)
        credentials = account.credentials
        context.log.info("Bedrock model %r in %s, with %s", model.source, account.region, credentials)
        return Endpoint(
            name=model.source,
            concurrency=self.options.max_concurrency,
            requests_per_minute=self.options.requests_per_minute,
            tokens_per_minute=self.options.tokens_per_minute,
            metadata={"model": model.source, "region": account.region},
        )

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        """Ask over boto3."""
        client = self._account(context).runtime(
            connections=endpoint.concurrency, read_timeout=self.options.read_timeout
        )
        return BedrockTransport(client, endpoint.name, self.options)

    def _account(self, context: Context) -> Account:
        return Account(BedrockSettings.from_mapping(context.settings))
