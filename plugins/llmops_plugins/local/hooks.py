"""The cards of the local plugin. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.local.names import EXTRA, FORMAT
from llmops_plugins.local.options import (
    ExportedEndpointOptions,
    HuggingFaceOptions,
    LocalEndpointOptions,
    LocalExecutorOptions,
    LoraOptions,
    SmolLM2Options,
)
from llmops_sdk.plugin import (
    Asset,
    Check,
    DeployerCard,
    ExecutorCard,
    ModelCard,
    TrainerCard,
    hookimpl,
)

_TORCH = ("torch", "transformers", "safetensors")


@hookimpl
def llmops_cards() -> tuple[ModelCard | TrainerCard | DeployerCard | ExecutorCard, ...]:
    """Return the models, trainer, deployer and executor of this machine."""
    return (
        ModelCard(
            name="smollm2",
            summary="SmolLM2-135M-Instruct: a small Llama-architecture model that trains and runs on a CPU",
            options=SmolLM2Options,
            trainer="lora",
            fine_tunes=True,
            deployer="local-endpoint",
        ),
        ModelCard(
            name="huggingface",
            summary="any causal language model, from a folder or the Hugging Face hub",
            options=HuggingFaceOptions,
            trainer="lora",
            deployer="local-endpoint",
        ),
        TrainerCard(
            name="lora",
            summary="LoRA fine-tuning with transformers and peft, on a GPU or a CPU",
            load="llmops_plugins.local.lora.trainer:LoraTrainer",
            options=LoraOptions,
            extra=EXTRA,
            requires=(*_TORCH, "peft"),
            accepts=(FORMAT,),
            produces=FORMAT,
            uses_local_device=True,
        ),
        DeployerCard(
            name="local-endpoint",
            summary="serves a model in its own process on loopback, with SageMaker's and OpenAI's APIs",
            load="llmops_plugins.local.server.deployer:LocalEndpoint",
            options=LocalEndpointOptions,
            extra=EXTRA,
            requires=(*_TORCH, "starlette", "uvicorn"),
            accepts=(FORMAT,),
            uses_local_device=True,
            answers_differ="sampled",
            forms={"local": {}},
        ),
        DeployerCard(
            name="local-export",
            summary="serves the model as one would publish it: exported in a format of 16 bits, loaded from there",
            load="llmops_plugins.local.server.exported:ExportedEndpoint",
            options=ExportedEndpointOptions,
            extra=EXTRA,
            requires=(*_TORCH, "starlette", "uvicorn"),
            accepts=(FORMAT,),
            uses_local_device=True,
            answers_differ="sampled",
            forms={"merged": {}},
        ),
        ExecutorCard(
            name="local",
            summary="runs the steps on this machine; heavy ones in child processes, one per device",
            load="llmops_plugins.local.executor:LocalExecutor",
            options=LocalExecutorOptions,
        ),
    )


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return the weights of the default model."""
    from llmops_plugins.local.weights.smollm2 import smollm2_asset

    return (smollm2_asset(),)


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return the checks of `llmops doctor`."""
    from llmops_plugins.local.checks import checks

    return checks()
