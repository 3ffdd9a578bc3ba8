"""The cards by which a plugin describes what it offers.

Making a card imports nothing heavy; its `load` names where the implementation is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

import attrs

from llmops_sdk.plugin.options import DeployerOptions, ExecutorOptions, ModelOptions, Options, TrainerOptions

CardKind = Literal[
    "dataset", "prompt", "model", "trainer", "deployer", "evaluator", "executor", "reporter", "importer", "store",
    "orphan-finder", "retriever",
]  # fmt: skip
KINDS: tuple[CardKind, ...] = get_args(CardKind)

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@attrs.frozen(kw_only=True)
class Card:
    """The description of one thing that a plugin offers. The cards to use are its subclasses, one for each kind.

    Attributes:
        name: What users call it: lower-case words joined by hyphens, unique within its kind.
        summary: One line for `llmops plugins`.
        options: The class of its options, a subclass of `options_root`.
        result_version: Raise it when the same options and inputs give other results than before.
        extra: The extra of the plugin's distribution that installs the modules of `requires`.
        requires: Modules that must be installed; they are looked for without importing them.
    """

    kind: ClassVar[CardKind]
    options_root: ClassVar[type[Options]] = Options
    """The class that the options of this kind derive from."""

    name: str = attrs.field()
    summary: str
    options: type[Options] = Options
    result_version: int = 1
    extra: str = ""
    requires: tuple[str, ...] = ()

    @name.validator
    def _check_name(self, _attribute: object, value: str) -> None:
        if not _NAME.fullmatch(value):
            message = f"a card's name is lower-case words joined by hyphens, not {value!r}"
            raise ValueError(message)


@attrs.frozen(kw_only=True)
class ImplementationCard(Card):
    """A card with an implementation: every kind but models.

    Attributes:
        load: Where the implementation is: `package.module:Class`.
    """

    load: str


@attrs.frozen(kw_only=True)
class DatasetCard(ImplementationCard):
    """Offers a `DatasetSource`."""

    kind = "dataset"


@attrs.frozen(kw_only=True)
class PromptCard(ImplementationCard):
    """Offers a `PromptSource`."""

    kind = "prompt"


@attrs.frozen(kw_only=True)
class ModelCard(Card):
    """Offers a preset: base weights, which its options name, and the trainer and deployer that fit them.

    Attributes:
        options: A subclass of `ModelOptions`; its `base_model()` returns the base weights.
        trainer: The name of the trainer card; empty if nothing can fine-tune the model.
        fine_tunes: Whether the model is fine-tuned where a specification does not say; others only where it asks for a trainer.
        deployer: The name of the deployer card. Where there is no trainer, the deployer's options may be given among those
            of the model.
        short_forms: Names of providers, with the options that each stands for: `use: NAME/MODEL` is this card with those
            options, and with `MODEL` as its option `model`.
        uses_prompts: Whether the prompt makes a difference; without one it is a candidate once, whatever prompts the
            pipeline has.
        default_prompt: The prompt of its models where a pipeline has none; empty decides by whether they have a chat
            template.
    """

    kind = "model"
    options_root = ModelOptions

    options: type[ModelOptions]

    trainer: str = ""
    fine_tunes: bool = False
    deployer: str
    short_forms: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    uses_prompts: bool = True
    default_prompt: str = ""


@attrs.frozen(kw_only=True)
class TrainerCard(ImplementationCard):
    """Offers a `Trainer`.

    Attributes:
        options: A subclass of `TrainerOptions`.
        accepts: The formats of base models that it can train.
        produces: The format of the model that it leaves.
        uses_local_device: Whether it computes on this machine. One such step per device runs at a time, in a process
            of its own.
    """

    kind = "trainer"
    options_root = TrainerOptions

    options: type[TrainerOptions] = TrainerOptions

    accepts: tuple[str, ...]
    produces: str
    uses_local_device: bool = False


@attrs.frozen(kw_only=True)
class DeployerCard(ImplementationCard):
    """Offers a `Deployer`.

    Attributes:
        options: A subclass of `DeployerOptions`.
        accepts: The formats of models that it can serve.
        uses_local_device: Whether it computes on this machine. One such step per device runs at a time.
        answers_differ: When two answers to the same question can differ: `always`, as of most servers; `sampled`, at a
            temperature above 0 only; or `never`, as of answers in a file.
        forms: Names by which `serve_as` asks for it, with the options that each stands for: `gguf-q8` is llama.cpp with
            weights of 8 bits.
    """

    kind = "deployer"
    options_root = DeployerOptions

    options: type[DeployerOptions] = DeployerOptions

    accepts: tuple[str, ...]
    uses_local_device: bool = False
    answers_differ: Literal["always", "sampled", "never"] = "always"
    forms: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class EvaluatorCard(ImplementationCard):
    """Offers an `Evaluator`.

    Attributes:
        probes: Whether it has probes of its own, which `generate` must ask.
        has_summary: Whether it has a summary of all scored records; see `Evaluator.summary`.
    """

    kind = "evaluator"

    probes: bool = False
    has_summary: bool = False


@attrs.frozen(kw_only=True)
class ExecutorCard(ImplementationCard):
    """Offers an `Executor`.

    Attributes:
        options: A subclass of `ExecutorOptions`.
        emulates_services: Whether it emulates the services that trainers and deployers use, so that none is asked.
    """

    kind = "executor"
    options_root = ExecutorOptions

    options: type[ExecutorOptions] = ExecutorOptions

    emulates_services: bool = False


@attrs.frozen(kw_only=True)
class ReporterCard(ImplementationCard):
    """Offers a `Reporter`."""

    kind = "reporter"


@attrs.frozen(kw_only=True)
class ImporterCard(ImplementationCard):
    """Offers an `Importer`.

    Attributes:
        is_fallback: Whether it reads plain tables, whatever made them: it is asked only where no other importer
            recognizes a file.
    """

    kind = "importer"

    is_fallback: bool = False


@attrs.frozen(kw_only=True)
class RetrieverCard(ImplementationCard):
    """Offers a `Retriever`."""

    kind = "retriever"


@attrs.frozen(kw_only=True)
class StoreCard(ImplementationCard):
    """Offers a `Store` for the URIs of one scheme, which is the card's name: `s3` opens `s3://...`.

    The implementation is made with two arguments, the URI and the settings of its plugin (a mapping, which may be
    empty); it has no options.

    Attributes:
        needs_network: Whether it cannot be opened by a run offline.
    """

    kind = "store"

    needs_network: bool = True


@attrs.frozen(kw_only=True)
class OrphanFinderCard(ImplementationCard):
    """Offers an `OrphanFinder`, which finds resources that runs left behind by their tags.

    The implementation is made with one argument, the settings of its plugin (a mapping, which may be empty); it has no
    options.
    """

    kind = "orphan-finder"
