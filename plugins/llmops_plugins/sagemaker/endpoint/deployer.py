"""Deployers: an endpoint that is made for a step and deleted after it, and one that is there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.names import (
    ACCEPT_EULA,
    ENDPOINT,
    ENDPOINT_CONFIG,
    MODEL,
    TOLERATE_DEPRECATED,
    TOLERATE_VULNERABLE,
)
from llmops_plugins.sagemaker.endpoint.hosting import Hosting
from llmops_plugins.sagemaker.endpoint.options import ExistingEndpointOptions, SageMakerEndpointOptions
from llmops_plugins.sagemaker.endpoint.transport import CUSTOM_ATTRIBUTES, INFERENCE_COMPONENT, RuntimeTransport
from llmops_plugins.sagemaker.jumpstart.check import check_model
from llmops_plugins.sagemaker.jumpstart.spec import read_spec
from llmops_plugins.sagemaker.sdk import jumpstart as sdk
from llmops_plugins.sagemaker.sdk.requests import EndpointChoices
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    Deployer,
    Endpoint,
    EndpointError,
    Resource,
    ServableModel,
    TrainedModel,
    Transport,
)


class _OnAws(Deployer):
    """What both deployers have: the account, one for the step, since its clients take half a second to make."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._known: Aws | None = None

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        """Ask over SageMaker Runtime."""
        options = self.options
        return RuntimeTransport(
            self._aws(context),
            endpoint,
            read_timeout=options.read_timeout,
            streaming=options.streaming,
            log=context.log,
        )

    def _aws(self, context: Context) -> Aws:
        self._known = self._known or Aws.of(context)
        return self._known


class SageMakerEndpoint(_OnAws):
    """Makes model, configuration and endpoint, under one name, and deletes all three."""

    options: SageMakerEndpointOptions

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._deployed = False

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the exact version that `2.*` and the like mean today."""
        return read_spec(self._aws(context), model.source, model.version).version

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Name all three; the endpoint, which costs, is the last and so deleted first."""
        name = context.resource_name()
        return (Resource(MODEL, name), Resource(ENDPOINT_CONFIG, name), Resource(ENDPOINT, name))

    @property
    def keeps(self) -> bool:
        """Whether the user asked for it; see `Deployer.keeps`."""
        return self.options.keep_endpoint

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Make the endpoint, or find the one that an earlier attempt has made, and wait until it is in service."""
        aws, options, name = self._aws(context), self.options, context.resource_name()
        self._deployed = True
        base = model.base if isinstance(model, TrainedModel) else model
        spec = check_model(aws, base)
        requests = sdk.endpoint_requests(
            aws,
            EndpointChoices(
                name=name,
                model_id=base.source,
                version=spec.version,
                model_data=_model_data(model) if isinstance(model, TrainedModel) else None,
                training_instance_type=model.metadata.get("instance_type") or None
                if isinstance(model, TrainedModel)
                else None,
                accept_eula=ACCEPT_EULA in base.parameters,
                tolerate_vulnerable_model=TOLERATE_VULNERABLE in base.parameters,
                tolerate_deprecated_model=TOLERATE_DEPRECATED in base.parameters,
                instance_type=options.instance_type,
                instance_count=options.instance_count,
                model_data_download_timeout=options.model_data_download_timeout,
                container_startup_health_check_timeout=options.container_startup_health_check_timeout,
                environment=options.environment,
                tags=aws.tags(context),
            ),
        )
        hosting = Hosting(aws, name, context)
        hosting.make_or_find(requests, seconds=options.poll_seconds, timeout=options.start_timeout)
        variant = requests.endpoint_config["ProductionVariants"][0]
        accepted = spec.asks_licence_with_requests and ACCEPT_EULA in base.parameters
        return Endpoint(
            name=name,
            headers={CUSTOM_ATTRIBUTES: "accept_eula=true"} if accepted else {},
            concurrency=options.concurrency,
            metadata={
                "model": f"{spec.model_id} {spec.version}",
                "instance_type": str(variant["InstanceType"]),
                "instance_count": str(variant["InitialInstanceCount"]),
                "region": aws.region,
                "image": _image(requests.model),
            },
        )

    def delete(self, context: Context, resource: Resource) -> None:
        """Delete one of the three. The one that has deployed it waits until an endpoint that is being created can be."""
        hosting = Hosting(self._aws(context), resource.name, context)
        patience = self.options.delete_timeout if self._deployed else 0.0
        hosting.delete(resource.kind, seconds=self.options.poll_seconds, timeout=patience)


class ExistingEndpoint(_OnAws):
    """Asks an endpoint by its name; creates nothing and deletes nothing."""

    options: ExistingEndpointOptions

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return what changes when the endpoint is made anew or updated."""
        found = self._describe(self._aws(context), context, model.source)
        return f"{found['EndpointArn']} {found['EndpointConfigName']} {found['LastModifiedTime']}"

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Look at the endpoint.

        Raises:
            EndpointError: There is none of that name, or it is not in service.
        """
        if isinstance(model, TrainedModel):
            message = f"the deployer 'existing-endpoint' serves no trained model: {model.uri!r}"
            raise EndpointError(message)
        aws, options = self._aws(context), self.options
        found = self._describe(aws, context, model.source)
        if found["EndpointStatus"] not in ("InService", "Updating", "SystemUpdating"):
            message = f"endpoint {model.source!r} is {found['EndpointStatus']} and not in service"
            raise EndpointError(message)
        headers = {CUSTOM_ATTRIBUTES: options.custom_attributes, INFERENCE_COMPONENT: options.inference_component}
        return Endpoint(
            name=model.source,
            headers={name: value for name, value in headers.items() if value},
            concurrency=options.concurrency,
            metadata={"endpoint_config": found["EndpointConfigName"], "region": aws.region},
        )

    def _describe(self, aws: Aws, context: Context, name: str) -> Mapping[str, Any]:
        found = Hosting(aws, name, context).describe()
        if found is None:
            message = f"there is no endpoint {name!r} in {aws.region}"
            raise EndpointError(message)
        return found


def _image(model: Mapping[str, Any]) -> str:
    """Return what a model's container is made of: an image, or its provider's package."""
    container: Mapping[str, Any] = model.get("PrimaryContainer") or next(iter(model.get("Containers", ())), {})
    return str(container.get("Image") or container.get("ModelPackageName", ""))


def _model_data(model: TrainedModel) -> str | dict[str, Any]:
    """Return where the weights are, as the SDK's estimator says it: an archive's URI, or a folder's `S3DataSource`."""
    if model.metadata.get("compression", "GZIP") == "GZIP":
        return model.uri
    uri = model.uri if model.uri.endswith("/") else f"{model.uri}/"
    return {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}}
