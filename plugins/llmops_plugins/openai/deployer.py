"""The deployer `openai-compatible`: it creates nothing, since a server has the model already."""

from __future__ import annotations

from llmops_plugins.openai.options import OpenAIOptions
from llmops_sdk.plugin import (
    Context,
    Deployer,
    Endpoint,
    EndpointError,
    HttpTransport,
    ModelServer,
    ServableModel,
    SpecError,
    TrainedModel,
    Transport,
    is_loopback,
)


class OpenAICompatible(Deployer):
    """Asks a model behind a server with OpenAI's API."""

    options: OpenAIOptions

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Return where the model is asked.

        Raises:
            SpecError: There is no key, or the run is offline and the server is not on this machine.
            EndpointError: The model is a trained one.
        """
        if isinstance(model, TrainedModel):
            message = f"the deployer 'openai-compatible' serves no trained model: {model.uri!r}"
            raise EndpointError(message)
        endpoint = self.options.endpoint(model)
        if context.offline and not is_loopback(endpoint.url):
            message = (
                f"the server at {endpoint.metadata['url']} is not on this machine, and this run is offline: run it without "
                "--offline"
            )
            raise SpecError(message)
        return endpoint

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        """Ask over HTTP, with the time limit of the options."""
        return HttpTransport(endpoint, timeout=self.options.timeout)

    def serve(self, context: Context, model: ServableModel, *, name: str, port: int) -> ModelServer:
        """Refuse; the model has an address of its own.

        Raises:
            SpecError: Always.
        """
        base = model.base if isinstance(model, TrainedModel) else model
        message = f"its model is served already: ask {base.source!r} at {base.parameters['base_url']}"
        raise SpecError(message)
