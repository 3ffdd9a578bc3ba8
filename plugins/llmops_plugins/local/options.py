"""The options of the local plugin's models, trainer, deployer and executor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_plugins._weights.folder import check_model_folder, is_folder
from llmops_plugins.local.device import DTYPES, ENGINES
from llmops_plugins.local.names import FORMAT, SMOLLM2
from llmops_sdk.plugin import (
    BaseModel,
    Billing,
    Check,
    DeployerOptions,
    ExecutorOptions,
    Finding,
    ModelOptions,
    TrainerOptions,
    name_of_model,
    option,
)

_positive = validators.gt(0)
_at_least_one = validators.ge(1)
_device = validators.matches_re(r"auto|cpu|mps|cuda(:\d+)?")


def _weights_checks(base: BaseModel) -> tuple[Check, ...]:
    """Return the check of a folder with weights; what is on the hub, or an asset, is checked when it is fetched."""
    if not is_folder(base.source):
        return ()

    def check() -> Finding:
        from llmops_plugins.local.weights.loading import check_weights

        folder = check_model_folder(base.source)
        check_weights(folder)
        return Finding("ok", f"a model in '{folder}'")

    return (Check(f"weights {base.source}", check),)


@attrs.frozen(kw_only=True)
class HuggingFaceOptions(ModelOptions):
    """Weights of a causal language model in Hugging Face format."""

    weights: str = option(
        path=True, help="a folder, a hub id such as 'HuggingFaceTB/SmolLM2-360M-Instruct', or an asset's name"
    )
    revision: str = option("", help="the hub revision; the newest commit if empty; the run's record has the commit")

    def base_model(self) -> BaseModel:
        """Return the base weights that these options name."""
        return BaseModel(format=FORMAT, source=self.weights, version=self.revision)

    def usual_name(self) -> str:
        """Return the name of the folder, the asset or the model on the hub."""
        return name_of_model(self.weights)

    def has_chat_template(self, *, offline: bool) -> bool | None:
        """Return whether the tokenizer of these weights has a chat template; see `ModelOptions.has_chat_template`."""
        from llmops_plugins._weights.chat_template import find_chat_template

        return find_chat_template(self.weights, self.revision, offline=offline)

    def assets(self) -> tuple[str, ...]:
        """Return the assets that a run needs."""
        return (SMOLLM2,) if self.weights == SMOLLM2 else ()


@attrs.frozen(kw_only=True)
class SmolLM2Options(HuggingFaceOptions):
    """SmolLM2-135M-Instruct, small enough for two CPU cores."""

    weights: str = option(SMOLLM2, path=True, help="other weights of the same architecture: a folder or a hub id")

    def usual_name(self) -> str:
        """Return nothing: it is called like its card."""
        return ""


@attrs.frozen(kw_only=True)
class LoraOptions(TrainerOptions):
    """How LoRA fine-tuning runs."""

    epochs: float = option(1.0, help="passes over the train split", validator=_positive)
    max_steps: int | None = option(None, help="the most optimizer steps", validator=validators.optional(_at_least_one))
    max_minutes: float | None = option(
        None,
        help="stop after this many minutes; the result is then marked as truncated",
        validator=validators.optional(_positive),
    )
    learning_rate: float = option(3e-4, help="peak of the cosine schedule", validator=_positive)
    rank: int = option(16, help="rank of the adapters", validator=_at_least_one)
    alpha: float = option(32, help="scale of the adapters is alpha / rank", validator=_positive)
    dropout: float = option(0.0, help="dropout on the adapters' input", validator=[validators.ge(0), validators.lt(1)])
    max_length: int = option(
        1024,
        help="the most tokens of a training record; longer ones are left out and counted, never cut; at most the model's context",
        validator=validators.ge(16),
    )
    batch_tokens: int = option(
        1024, help="tokens in one optimizer step, including padding", validator=validators.ge(16)
    )
    held_out: int = option(
        16,
        help="training records held out to measure the loss on; at most a fifth of them",
        validator=validators.ge(0),
    )
    seed: int = option(0, help="seed of the order of records and of the adapters' initial values")
    device: str = option("auto", help="auto, cpu, cuda, cuda:1, mps", validator=_device)
    dtype: str = option(
        "auto",
        help="auto (bfloat16 where the GPUs or the CPU have instructions for it, else float32), float32, bfloat16",
        validator=validators.in_(DTYPES),
    )
    checkpoint_steps: int = option(
        20, help="optimizer steps between checkpoints", affects_results=False, validator=_at_least_one
    )

    def length(self) -> str:
        """Return the epochs and the limits; the number of steps depends on the tokens of the records."""
        limits = [f"at most {self.max_steps} steps"] if self.max_steps is not None else []
        limits += [f"at most {self.max_minutes:g} minutes"] if self.max_minutes is not None else []
        epochs = f"{self.epochs:g} epoch{'' if self.epochs == 1 else 's'}"
        return f"{epochs} or {' or '.join(limits)}, whichever ends first" if limits else epochs

    def billing(self, base: BaseModel) -> Billing:
        """Return that it takes this machine, at most as long as the options allow."""
        most = None if self.max_minutes is None else 60 * self.max_minutes
        return Billing("hours", "local", is_own=True, most_seconds=most)

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Return the check of the folder with the base weights."""
        return _weights_checks(base)


@attrs.frozen(kw_only=True)
class LocalEndpointOptions(DeployerOptions):
    """How a model is served on this machine's loopback."""

    device: str = option("auto", help="auto, cpu, cuda, cuda:1, mps", validator=_device)
    dtype: str = option(
        "auto",
        help="auto (float32 for OpenVINO; for torch bfloat16 where the GPUs or the CPU have instructions for it, else float32),"
        " float32, bfloat16 (takes torch)",
        validator=validators.in_(DTYPES),
    )
    engine: str = option(
        "auto",
        help="auto (OpenVINO on a CPU, where it is installed and takes the model, else torch), openvino, torch",
        validator=validators.in_(ENGINES),
    )
    max_batch: int = option(
        16, help="the most requests answered together", affects_results=False, validator=_at_least_one
    )
    batch_window_ms: float = option(
        20.0,
        help="how long the first request waits for others to be answered with it",
        affects_results=False,
        validator=validators.ge(0),
    )
    max_body_mb: float = option(
        4.0, help="the largest request; larger ones are refused", affects_results=False, validator=_positive
    )
    start_timeout: float = option(
        300.0, help="seconds within which the server must be ready", affects_results=False, validator=_positive
    )

    def billing(self, base: BaseModel) -> Billing:
        """Return that it takes this machine."""
        return Billing("hours", "local", is_own=True)

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Return the check of the folder with the base weights."""
        return _weights_checks(base)


EXPORT_DTYPES = ("auto", "bfloat16", "float16", "float32")


@attrs.frozen(kw_only=True)
class ExportedEndpointOptions(LocalEndpointOptions):
    """How a model is exported, and served from there."""

    export_dtype: str = option(
        "auto",
        help="the number format of the exported weights: auto (the base's own if that has 16 bits, else bfloat16), bfloat16,"
        " float16, float32",
        validator=validators.in_(EXPORT_DTYPES),
    )


@attrs.frozen(kw_only=True)
class LocalExecutorOptions(ExecutorOptions):
    """How many heavy steps run at a time."""

    workers: int | None = option(
        None,
        help="heavy steps at a time; by default one for each GPU, or one without a GPU",
        affects_results=False,
        validator=validators.optional(_at_least_one),
    )
