"""The cards of the sagemaker plugin. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.sagemaker.aws.names import ENDPOINT_BY_NAME, JUMPSTART, JUMPSTART_ARTIFACT
from llmops_plugins.sagemaker.aws.settings import SageMakerSettings
from llmops_plugins.sagemaker.endpoint.options import (
    ExistingEndpointModelOptions,
    ExistingEndpointOptions,
    SageMakerEndpointOptions,
)
from llmops_plugins.sagemaker.jumpstart.options import JumpStartOptions, JumpStartTrainingOptions, Llama27bOptions
from llmops_plugins.sagemaker.pipeline.options import RehearsalOptions, SageMakerExecutorOptions
from llmops_sdk.plugin import (
    Asset,
    Card,
    Check,
    DeployerCard,
    ExecutorCard,
    ModelCard,
    OrphanFinderCard,
    StoreCard,
    TrainerCard,
    hookimpl,
)

_HERE = "llmops_plugins.sagemaker"


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return what SageMaker can do."""
    return (
        ModelCard(
            name="jumpstart",
            summary="any model of SageMaker JumpStart, by its id",
            options=JumpStartOptions,
            trainer="jumpstart",
            deployer="sagemaker-endpoint",
        ),
        ModelCard(
            name="llama-2-7b",
            summary="Llama 2 7B of SageMaker JumpStart, as in the article (version 2.*)",
            options=Llama27bOptions,
            trainer="jumpstart",
            deployer="sagemaker-endpoint",
        ),
        ModelCard(
            name="existing-endpoint",
            summary="whatever a SageMaker endpoint serves that is there already",
            options=ExistingEndpointModelOptions,
            deployer="existing-endpoint",
        ),
        TrainerCard(
            name="jumpstart",
            summary="instruction tuning of a JumpStart model in a SageMaker training job",
            load=f"{_HERE}.jumpstart.trainer:JumpStartTrainer",
            options=JumpStartTrainingOptions,
            extra="sagemaker",
            requires=("sagemaker", "boto3"),
            accepts=(JUMPSTART,),
            produces=JUMPSTART_ARTIFACT,
        ),
        DeployerCard(
            name="sagemaker-endpoint",
            summary="a real-time SageMaker endpoint, deleted when it has answered",
            load=f"{_HERE}.endpoint.deployer:SageMakerEndpoint",
            options=SageMakerEndpointOptions,
            extra="sagemaker",
            requires=("sagemaker", "boto3"),
            accepts=(JUMPSTART, JUMPSTART_ARTIFACT),
        ),
        DeployerCard(
            name="existing-endpoint",
            summary="asks a SageMaker endpoint by its name, and never deletes it",
            load=f"{_HERE}.endpoint.deployer:ExistingEndpoint",
            options=ExistingEndpointOptions,
            extra="sagemaker",
            requires=("boto3",),
            accepts=(ENDPOINT_BY_NAME,),
        ),
        ExecutorCard(
            name="sagemaker",
            summary="runs the steps as a SageMaker pipeline of @step functions",
            load=f"{_HERE}.pipeline.executor:SageMakerExecutor",
            options=SageMakerExecutorOptions,
            extra="sagemaker",
            requires=("sagemaker", "boto3"),
        ),
        ExecutorCard(
            name="sagemaker-rehearsal",
            summary="runs that very pipeline on this machine, without an AWS account: a rehearsal",
            load=f"{_HERE}.emulator.executor:RehearsalExecutor",
            options=RehearsalOptions,
            extra="rehearsal",
            requires=("sagemaker", "boto3", "moto", "flask"),
            emulates_services=True,
        ),
        StoreCard(
            name="s3",
            summary="runs and artifacts in an S3 bucket: s3://bucket/prefix",
            load=f"{_HERE}.store:S3Store",
            extra="sagemaker",
            requires=("boto3",),
        ),
        OrphanFinderCard(
            name="sagemaker",
            summary="endpoints, training jobs and models that carry a run's tags",
            load=f"{_HERE}.orphans:SageMakerOrphanFinder",
            extra="sagemaker",
            requires=("boto3",),
        ),
    )


@hookimpl
def llmops_settings() -> type:
    """Return the class of the settings: account, region, role, bucket, ..."""
    return SageMakerSettings


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return nothing: models stay on AWS."""
    return ()


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return what `llmops doctor` should look at."""
    from llmops_plugins.sagemaker.checks import checks

    return checks()
