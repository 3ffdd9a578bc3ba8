"""The deployers: an endpoint that is created for a step and deleted after it, and an existing endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.capacity import Patience
from llmops_plugins.sagemaker.endpoint.environment import Environment
from llmops_plugins.sagemaker.endpoint.existing import InferenceComponent, check_endpoint, find_component, find_endpoint
from llmops_plugins.sagemaker.endpoint.hosting import Hosting
from llmops_plugins.sagemaker.endpoint.options import ExistingEndpointOptions, SageMakerEndpointOptions
from llmops_plugins.sagemaker.endpoint.requests import EndpointChoices, endpoint_requests
from llmops_plugins.sagemaker.endpoint.transport import CUSTOM_ATTRIBUTES, INFERENCE_COMPONENT, RuntimeTransport
from llmops_plugins.sagemaker.jumpstart.check import check_model
from llmops_plugins.sagemaker.jumpstart.spec import read_spec
from llmops_plugins.sagemaker.names import (
    ACCEPT_EULA,
    ENDPOINT,
    ENDPOINT_CONFIG,
    MODEL,
)
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


class _SageMakerDeployer(Deployer):
    """The common part of both deployers: the account, made once for the step, since its clients take half a second."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._account: Aws | None = None
        self._environment = Environment({})

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        """Ask over SageMaker Runtime."""
        options = self.options
        return RuntimeTransport(
            self._aws(context),
            endpoint,
            read_timeout=options.read_timeout,
            streaming=options.streaming,
            log=context.log,
            masked=self._environment.masked,
        )

    def _aws(self, context: Context) -> Aws:
        self._account = self._account or Aws.of(context)
        return self._account


class SageMakerEndpoint(_SageMakerDeployer):
    """Creates a model, a configuration and an endpoint of the same name, and deletes all three."""

    options: SageMakerEndpointOptions

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._deployed = False

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the exact version that a pattern such as `2.*` matches today."""
        return read_spec(self._aws(context), model.source, model.version).version

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Return all three; the endpoint, which is billed, is the last and therefore deleted first."""
        name = context.resource_name()
        return (Resource(MODEL, name), Resource(ENDPOINT_CONFIG, name), Resource(ENDPOINT, name))

    @property
    def keeps(self) -> bool:
        """Whether the endpoint is kept, as the user chose; see `Deployer.keeps`."""
        return self.options.keep_endpoint

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Create the endpoint, or find the one of an earlier attempt, and wait until it is in service."""
        self._environment = Environment(self.options.environment)
        with self._environment.masked_errors():
            return self._deploy(context, model)

    def _deploy(self, context: Context, model: ServableModel) -> Endpoint:
        aws, options, name = self._aws(context), self.options, context.resource_name()
        self._deployed = True
        base = model.base if isinstance(model, TrainedModel) else model
        spec = check_model(aws, base)
        requests = endpoint_requests(
            aws,
            spec,
            EndpointChoices(
                name=name,
                model_data=_model_data(model) if isinstance(model, TrainedModel) else None,
                training_instance_type=model.metadata.get("instance_type") or None
                if isinstance(model, TrainedModel)
                else None,
                accept_eula=ACCEPT_EULA in base.parameters,
                instance_type=options.instance_type,
                instance_count=options.instance_count,
                model_data_download_timeout=options.model_data_download_timeout,
                container_startup_health_check_timeout=options.container_startup_health_check_timeout,
                environment=self._environment.variables,
                image_uri=options.image_uri,
                tags=aws.tags(context),
            ),
        )
        hosting = Hosting(aws, name, context)
        patience = Patience(options.poll_seconds, options.quota_timeout, options.capacity_attempts)
        hosting.create_or_find(requests, patience, timeout=options.start_timeout)
        variant = requests.endpoint_config["ProductionVariants"][0]
        is_asked = spec.needs_licence_in_requests or (spec.gated and requests.has_package)
        accepted = is_asked and ACCEPT_EULA in base.parameters
        return Endpoint(
            name=name,
            headers={CUSTOM_ATTRIBUTES: "accept_eula=true"} if accepted else {},
            concurrency=options.max_concurrency,
            requests_per_minute=options.requests_per_minute,
            tokens_per_minute=options.tokens_per_minute,
            extra_body=options.extra_body,
            metadata={
                "model": f"{spec.model_id} {spec.version}",
                "instance_type": str(variant["InstanceType"]),
                "instance_count": str(variant["InitialInstanceCount"]),
                "region": aws.region,
                "image": _image(requests.model),
            },
        )

    def delete(self, context: Context, resource: Resource) -> None:
        """Delete one of the three. The deployer that created an endpoint waits until it can be deleted."""
        hosting = Hosting(self._aws(context), resource.name, context)
        timeout = self.options.delete_timeout if self._deployed else 0.0
        hosting.delete(resource.kind, seconds=self.options.poll_seconds, timeout=timeout)


class ExistingEndpoint(_SageMakerDeployer):
    """Asks an existing endpoint; creates nothing and deletes nothing."""

    options: ExistingEndpointOptions

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return a text that changes when the endpoint, or its inference component, is created again or updated."""
        aws = self._aws(context)
        endpoint = find_endpoint(aws, model.source, context.log)
        version = f"{endpoint['EndpointArn']} {endpoint['EndpointConfigName']} {endpoint['LastModifiedTime']}"
        component = self._component(aws, context, model.source)
        return f"{version} {component.version}" if component else version

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Check that the endpoint, and its inference component, are in service.

        Raises:
            EndpointError: One does not exist, or is not in service.
        """
        if isinstance(model, TrainedModel):
            message = f"the deployer 'existing-endpoint' serves no trained model: {model.uri!r}"
            raise EndpointError(message)
        aws, options = self._aws(context), self.options
        endpoint, component = find_endpoint(aws, model.source, context.log), self._component(aws, context, model.source)
        check_endpoint(endpoint)
        if component:
            component.check()
        headers = {CUSTOM_ATTRIBUTES: options.custom_attributes, INFERENCE_COMPONENT: options.inference_component}
        return Endpoint(
            name=model.source,
            headers={name: value for name, value in headers.items() if value},
            concurrency=options.max_concurrency,
            requests_per_minute=options.requests_per_minute,
            tokens_per_minute=options.tokens_per_minute,
            extra_body=options.extra_body,
            metadata={
                "endpoint_config": endpoint["EndpointConfigName"],
                "region": aws.region,
                **(component.metadata if component else {}),
            },
        )

    def _component(self, aws: Aws, context: Context, endpoint: str) -> InferenceComponent | None:
        name = self.options.inference_component
        return find_component(aws, endpoint, name, context.log) if name else None


def _image(model: Mapping[str, Any]) -> str:
    """Return the image of a model's container, or the package of its provider."""
    container: Mapping[str, Any] = model.get("PrimaryContainer") or next(iter(model.get("Containers", ())), {})
    return str(container.get("Image") or container.get("ModelPackageName", ""))


def _model_data(model: TrainedModel) -> str | dict[str, Any]:
    """Return the location of the weights, as the SDK's estimator does: the URI of an archive, or the `S3DataSource` of a folder."""
    if model.metadata.get("compression", "GZIP") == "GZIP":
        return model.uri
    uri = model.uri if model.uri.endswith("/") else f"{model.uri}/"
    return {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}}
