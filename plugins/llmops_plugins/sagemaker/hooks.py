"""The cards of the sagemaker plugin. It imports nothing heavy."""

from __future__ import annotations

from llmops_plugins.sagemaker.endpoint.options import (
    ExistingEndpointModelOptions,
    ExistingEndpointOptions,
    SageMakerEndpointOptions,
)
from llmops_plugins.sagemaker.jumpstart.options import JumpStartOptions, JumpStartTrainingOptions, Llama27bOptions
from llmops_plugins.sagemaker.names import ENDPOINT_BY_NAME, JUMPSTART, JUMPSTART_ARTIFACT
from llmops_plugins.sagemaker.pipeline.options import RehearsalOptions, SageMakerExecutorOptions
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_plugins.sagemaker.tables.options import S3Options
from llmops_sdk.plugin import (
    Asset,
    Card,
    Check,
    DeployerCard,
    ExecutorCard,
    ModelCard,
    OrphanFinderCard,
    ReporterCard,
    StoreCard,
    TrainerCard,
    hookimpl,
)

_PACKAGE = "llmops_plugins.sagemaker"


@hookimpl
def llmops_cards() -> tuple[Card, ...]:
    """Return the cards of SageMaker."""
    return (
        ModelCard(
            name="jumpstart",
            summary="any model of SageMaker JumpStart, by its ID",
            options=JumpStartOptions,
            trainer="jumpstart",
            deployer="sagemaker-endpoint",
        ),
        ModelCard(
            name="llama-2-7b",
            summary="Llama 2 7B of SageMaker JumpStart, as in the article (version 2.*)",
            options=Llama27bOptions,
            trainer="jumpstart",
            fine_tunes=True,
            deployer="sagemaker-endpoint",
        ),
        ModelCard(
            name="existing-endpoint",
            summary="the model of an existing SageMaker endpoint",
            options=ExistingEndpointModelOptions,
            deployer="existing-endpoint",
        ),
        TrainerCard(
            name="jumpstart",
            summary="instruction tuning of a JumpStart model in a SageMaker training job",
            load=f"{_PACKAGE}.jumpstart.trainer:JumpStartTrainer",
            options=JumpStartTrainingOptions,
            extra="jumpstart",
            requires=("boto3",),
            accepts=(JUMPSTART,),
            produces=JUMPSTART_ARTIFACT,
        ),
        DeployerCard(
            name="sagemaker-endpoint",
            summary="a real-time SageMaker endpoint, deleted after its step",
            load=f"{_PACKAGE}.endpoint.deployer:SageMakerEndpoint",
            options=SageMakerEndpointOptions,
            extra="jumpstart",
            requires=("boto3",),
            accepts=(JUMPSTART, JUMPSTART_ARTIFACT),
        ),
        DeployerCard(
            name="existing-endpoint",
            summary="an existing SageMaker endpoint, by its name; never deleted",
            load=f"{_PACKAGE}.endpoint.deployer:ExistingEndpoint",
            options=ExistingEndpointOptions,
            extra="jumpstart",
            requires=("boto3",),
            accepts=(ENDPOINT_BY_NAME,),
        ),
        ExecutorCard(
            name="sagemaker",
            summary="runs the steps as a SageMaker pipeline of @step functions",
            load=f"{_PACKAGE}.pipeline.executor:SageMakerExecutor",
            options=SageMakerExecutorOptions,
            extra="sagemaker",
            requires=("sagemaker", "boto3"),
        ),
        ExecutorCard(
            name="sagemaker-rehearsal",
            summary="runs the same pipeline definition on this machine against emulated AWS; needs no account",
            load=f"{_PACKAGE}.emulator.executor:RehearsalExecutor",
            options=RehearsalOptions,
            extra="rehearsal",
            requires=("sagemaker", "boto3", "moto", "flask"),
            emulates_services=True,
        ),
        StoreCard(
            name="s3",
            summary="runs and artifacts in an S3 bucket: s3://bucket/prefix",
            load=f"{_PACKAGE}.store:S3Store",
            extra="jumpstart",
            requires=("boto3",),
        ),
        ReporterCard(
            name="s3",
            summary="the tables of every run below one S3 prefix, with manifests for QuickSight",
            load=f"{_PACKAGE}.tables.reporter:S3Reporter",
            options=S3Options,
            extra="jumpstart",
            requires=("boto3",),
        ),
        OrphanFinderCard(
            name="sagemaker",
            summary="endpoints, training jobs and models that have the tags of a run",
            load=f"{_PACKAGE}.orphans:SageMakerOrphanFinder",
            extra="jumpstart",
            requires=("boto3",),
        ),
    )


@hookimpl
def llmops_settings() -> type:
    """Return the class of the settings."""
    return SageMakerSettings


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return nothing: models stay on AWS."""
    return ()


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return the checks of `llmops doctor`."""
    from llmops_plugins.sagemaker.checks import checks

    return checks()
