"""The light cards by which a plugin says what it offers, their options, and the checks of `llmops doctor`.

A card is made without importing anything heavy; `load` names where the implementation is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import attrs

CardKind = Literal[
    "dataset", "prompt", "model", "trainer", "deployer", "evaluator", "executor", "reporter", "store", "sweeper",
]  # fmt: skip

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


# -- options ------------------------------------------------------------------------------------


def option(
    default: Any = attrs.NOTHING,
    *,
    help: str = "",  # noqa: A002 - the word click, argparse and typer use
    affects_results: bool = True,
    path: bool = False,
    validator: Any = None,
    factory: Callable[[], Any] | None = None,
) -> Any:
    """Declare one option of a card's options class.

    Args:
        default: Its default; an option without one must be given.
        help: What it does, as `llmops plugins` shows it.
        affects_results: False for options such as concurrency, which change no result: they are no part of an
            artifact's key, so that changing them repeats no work.
        path: Whether it names (or may name) a file or folder: in a specification file, one that exists beside that
            file is meant.
        validator: As in `attrs.field`.
        factory: As in `attrs.field`.
    """
    return attrs.field(
        default=default if factory is None else attrs.Factory(factory),
        validator=validator,
        metadata={"help": help, "affects_results": affects_results, "path": path},
    )


@attrs.frozen
class NoOptions:
    """The options of a card that has none."""


# -- cards --------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Card:
    """The light description of one thing a plugin offers. Making it must import nothing heavy.

    Attributes:
        name: How users call it: lower-case words joined by hyphens, unique within its kind.
        summary: One line for `llmops plugins`.
        load: Where the implementation is: `package.module:Class`.
        options: The attrs class of its options. It may have `assets(self) -> tuple[str, ...]`, the names of the
            assets these options need: a run fetches them before its first step. Those of a trainer or deployer may have
            `check(self, base: BaseModel, prompts: Mapping[str, PromptTemplate], settings: Mapping[str, Mapping])`:
            `build()` calls it with the model it is for, all prompts by name, and all settings by plugin; it raises a
            `UserError` for what cannot run.
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
    options: type = NoOptions
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

    accepts: tuple[str, ...]
    produces: str


@attrs.frozen(kw_only=True)
class DeployerCard(Card):
    """Offers a `Deployer`.

    Attributes:
        accepts: The formats of models it can serve.
    """

    kind = "deployer"

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

    plays_services: bool = False


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
class SweeperCard(Card):
    """Offers a `Sweeper`, which finds what runs have left by its tags.

    The implementation is made with one argument, the settings of its plugin (names and values, which may be none); it
    has no options.
    """

    kind = "sweeper"


# -- health -------------------------------------------------------------------------------------


@attrs.frozen
class Finding:
    """What a check of `llmops doctor` found.

    Attributes:
        status: `ok`, `warning` (works, but) or `error` (will not work).
        text: What was found.
        mend: What to type, or empty.
    """

    status: str
    text: str
    mend: str = ""


@attrs.frozen
class Check:
    """One check of `llmops doctor`.

    Attributes:
        name: What is looked at (`torch`, `wordnet`).
        look: Looks, without changing anything; those of `llmops doctor` at this machine alone, without a network.
    """

    name: str
    look: Callable[[], Finding]
