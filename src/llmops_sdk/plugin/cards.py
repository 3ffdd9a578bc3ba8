"""The light cards by which a plugin says what it offers.

A card is made without importing anything heavy; `load` names where the implementation is.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

import attrs

from llmops_sdk.plugin.options import DeployerOptions, ExecutorOptions, ModelOptions, Options, TrainerOptions

CardKind = Literal[
    "dataset", "prompt", "model", "trainer", "deployer", "evaluator", "executor", "reporter", "store", "orphan-finder",
]  # fmt: skip

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@attrs.frozen(kw_only=True)
class Card:
    """The light description of one thing a plugin offers. Making it must import nothing heavy.

    Attributes:
        name: How users call it: lower-case words joined by hyphens, unique within its kind.
        summary: One line for `llmops plugins`.
        load: Where the implementation is: `package.module:Class`.
        options: The class of its options, a subclass of `Options` (for models, trainers, deployers and executors, of
            `ModelOptions`, `TrainerOptions`, `DeployerOptions` and `ExecutorOptions`).
        result_version: Raise it when the same options and inputs give other results than before.
        extra: The extra of the distribution that brings what `requires` names.
        requires: Modules that must be importable, looked for without importing them.
        uses_local_device: For trainers and deployers: whether they compute on this machine. One such step per device
            runs at a time, and training then has a process of its own.
    """

    kind: ClassVar[CardKind]

    name: str = attrs.field()
    summary: str
    load: str
    options: type[Options] = Options
    result_version: int = 1
    extra: str = ""
    requires: tuple[str, ...] = ()
    uses_local_device: bool = False

    @name.validator
    def _check_name(self, _attribute: object, value: str) -> None:
        if not _SLUG.fullmatch(value):
            message = f"a card's name is lower-case words joined by hyphens, not {value!r}"
            raise ValueError(message)


@attrs.frozen(kw_only=True)
class DatasetCard(Card):
    """Offers a `DatasetSource`."""

    kind = "dataset"


@attrs.frozen(kw_only=True)
class PromptCard(Card):
    """Offers a `PromptSource`."""

    kind = "prompt"


@attrs.frozen(kw_only=True)
class ModelCard(Card):
    """Offers a preset: base weights, and who trains and serves them.

    `load` is not used: the options class has `base_model(self) -> BaseModel`.

    Attributes:
        trainer: The name of the trainer card, or empty where nothing can fine-tune it.
        deployer: The name of the deployer card.
    """

    kind = "model"

    options: type[ModelOptions]

    load: str = ""
    trainer: str = ""
    deployer: str


@attrs.frozen(kw_only=True)
class TrainerCard(Card):
    """Offers a `Trainer`.

    Attributes:
        accepts: The formats of base models it can train.
        produces: The format of what it leaves.
    """

    kind = "trainer"

    options: type[TrainerOptions] = TrainerOptions

    accepts: tuple[str, ...]
    produces: str


@attrs.frozen(kw_only=True)
class DeployerCard(Card):
    """Offers a `Deployer`.

    Attributes:
        accepts: The formats of models it can serve.
    """

    kind = "deployer"

    options: type[DeployerOptions] = DeployerOptions

    accepts: tuple[str, ...]


@attrs.frozen(kw_only=True)
class EvaluatorCard(Card):
    """Offers an `Evaluator`.

    Attributes:
        probes: Whether it has probes of its own, which `generate` must ask.
    """

    kind = "evaluator"

    probes: bool = False


@attrs.frozen(kw_only=True)
class ExecutorCard(Card):
    """Offers an `Executor`.

    Attributes:
        plays_services: Whether it plays the services that trainers and deployers use, so that none need be there.
    """

    kind = "executor"

    options: type[ExecutorOptions] = ExecutorOptions

    emulates_services: bool = False


@attrs.frozen(kw_only=True)
class ReporterCard(Card):
    """Offers a `Reporter`."""

    kind = "reporter"


@attrs.frozen(kw_only=True)
class StoreCard(Card):
    """Offers a `Store` for the URIs of one scheme, which is the card's name: `s3` opens `s3://...`.

    The implementation is made with two arguments, the URI and the settings of its plugin (names and values, which may
    be none); it has no options.

    Attributes:
        needs_network: Whether it cannot be opened by a run offline.
    """

    kind = "store"

    needs_network: bool = True


@attrs.frozen(kw_only=True)
class OrphanFinderCard(Card):
    """Offers a `OrphanFinder`, which finds what runs have left by its tags.

    The implementation is made with one argument, the settings of its plugin (names and values, which may be none); it
    has no options.
    """

    kind = "orphan-finder"
