"""The options of a card: how one is declared, and what options can do."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from llmops_sdk.plugin.checks import Check
from llmops_sdk.values.data import Record
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.prices import Asks, Billing, Price
from llmops_sdk.values.prompts import Prompt, PromptTemplate
from llmops_sdk.values.serial import to_json


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
            artifact's key, so changing them repeats no work.
        path: Whether it is, or may be, the path of a file or folder that is read. A relative path in a specification
            file that exists next to that file means that one, in the options of every plugin; lists of paths too.
            `llmops plan` finds what can only be a path (`./x`, `/x`, `~/x`, `a/b/c`) and does not exist.
        validator: As in `attrs.field`.
        factory: As in `attrs.field`.
    """
    return attrs.field(
        default=default if factory is None else attrs.Factory(factory),
        validator=validator,
        metadata={"help": help, "affects_results": affects_results, "path": path},
    )


def extra_fields(reserved: Iterable[str], set_by: str) -> Callable[[Any, Any, Mapping[str, Any]], None]:
    """Return the validator of an option with further JSON fields of every request, such as `extra_body`.

    Args:
        reserved: The fields that it may not have.
        set_by: What sets those, as the error states it: "the prompt and the option 'streaming' set it".
    """
    refused = frozenset(reserved)

    def validate(_options: Any, attribute: Any, value: Mapping[str, Any]) -> None:
        for name in value:
            if name in refused:
                message = f"{attribute.name} cannot have {name!r}: {set_by}"
                raise ValueError(message)
        try:
            json.dumps(dict(value), allow_nan=False)
        except (TypeError, ValueError) as exc:
            message = f"{attribute.name} is not valid JSON: {exc}"
            raise ValueError(message) from None

    return validate


@attrs.frozen(kw_only=True, slots=False)  # options may have several bases, which slots would prevent
class Options:
    """The options of a card; a card without options uses this class itself.

    A subclass is decorated with `attrs.frozen(kw_only=True)` and declares its fields with `option`.
    """

    def to_mapping(self) -> dict[str, Any]:
        """Return all options by name, as JSON values; secrets as their references."""
        return {field.name: to_json(getattr(self, field.name)) for field in attrs.fields(type(self))}

    def in_key(self) -> dict[str, Any]:
        """Return what of these options decides results: it is part of an artifact's key."""
        data = self.to_mapping()
        fields = attrs.fields(type(self))
        return {field.name: data[field.name] for field in fields if field.metadata.get("affects_results", True)}

    def usual_name(self) -> str:
        """Return what these options are about (a file, a model), which names a component that a specification gives no name.

        Characters that a name may not have are replaced; where it is empty, the card's name is used.
        """
        return ""

    def assets(self) -> tuple[str, ...]:
        """Return the names of the assets that these options need; a run fetches them before its first step."""
        return ()


@attrs.frozen(kw_only=True)
class ModelOptions(Options, ABC):
    """The options of a model card."""

    @abstractmethod
    def base_model(self) -> BaseModel:
        """Return the base weights that these options name.

        Raises:
            UserError: They name none.
        """

    def has_chat_template(self, *, offline: bool) -> bool | None:
        """Return whether the model has a chat template of its own, as instruct models have: the prompt `chat` is then its default.

        Args:
            offline: Whether to look on this machine only.

        Returns:
            None where nothing is known: its default is a text prompt, and chats are not refused.

        Raises:
            UserError: It cannot be found out now, although a run may find it out later.
        """
        return None


@attrs.frozen(kw_only=True)
class _CheckedOptions(Options):
    """The options of a trainer or a deployer, which can check the model that they are used with."""

    def check(self, base: BaseModel, prompts: Mapping[str, PromptTemplate], settings: Mapping[str, Any]) -> None:
        """Refuse what cannot run; called by `build()`, and asks no service.

        Args:
            base: The base weights of the model.
            prompts: All prompt templates of the pipeline, by name.
            settings: The settings of this plugin.

        Raises:
            UserError: It cannot run; the message has the reason and the fix.
        """

    def check_online(self, base: BaseModel, settings: Mapping[str, Any]) -> None:
        """Refuse what a service does not have; called by `build()` if services may be asked.

        Args:
            base: The base weights of the model.
            settings: The settings of this plugin.

        Raises:
            UserError: The service refuses it; the message has the reason and the fix.
        """

    def local_checks(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Return checks like those of `preflight` that use this machine only, such as whether a key is set.

        Args:
            base: The base weights of the model.
            settings: The settings of this plugin.
        """
        return ()

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Return checks of what must hold before a run costs anything. They may ask a service, but change nothing there.

        Args:
            base: The base weights of the model.
            settings: The settings of this plugin.
        """
        return ()

    def billing(self, base: BaseModel) -> Billing:
        """Return how its use is billed, which prices are multiplied by; by default it is not known.

        Args:
            base: The base weights of the model.
        """
        return Billing()

    def online_price(self, base: BaseModel, settings: Mapping[str, Any]) -> Price | None:
        """Return what an hour of one of its machines costs, as its service states it; by default, and where not known, None.

        `build()` calls it if services may be asked and the user gives no price. A failure of the service is None too.

        Args:
            base: The base weights of the model.
            settings: The settings of this plugin.
        """
        return None


@attrs.frozen(kw_only=True)
class TrainerOptions(_CheckedOptions):
    """The options of a trainer card."""

    def length(self) -> str:
        """Return how long the training is, as far as the options decide it, for `llmops plan`: `1 epoch, at most 3 steps`."""
        return ""


@attrs.frozen(kw_only=True)
class DeployerOptions(_CheckedOptions):
    """The options of a deployer card."""

    def trained_preflight(
        self, base: BaseModel, trainer: TrainerOptions, settings: Mapping[str, Any]
    ) -> Iterable[Check]:
        """Return the checks of `preflight` for weights that a trainer makes, which may need another machine than the base weights.

        By default these are those of `preflight`.

        Args:
            base: The base weights of the model.
            trainer: The options of its trainer.
            settings: The settings of this plugin.
        """
        return self.preflight(base, settings)

    def record_checks(
        self, base: BaseModel, asked: Sequence[tuple[Record, Prompt]], *, is_whole: bool
    ) -> Iterable[Check]:
        """Return checks of what records show about the model, for `llmops plan`. They use this machine only.

        Args:
            base: The base weights of the model.
            asked: The test records of a small dataset, or the first record of another one, each with its prompt.
            is_whole: Whether they are all test records; if not, the one record may become a training record.
        """
        return ()


@attrs.frozen(kw_only=True)
class EvaluatorOptions(Options):
    """The options of an evaluator card; a card whose options need no checks may use `Options`."""

    def billing(self) -> Billing:
        """Return how what it asks other models is billed; by default it asks none."""
        return Billing("nothing")

    def asks(self) -> Asks:
        """Return what it asks another model about each answer; by default nothing."""
        return Asks()

    def local_checks(self) -> Iterable[Check]:
        """Return checks of what must hold on the machine that scores, before a run costs anything. They ask no service."""
        return ()


@attrs.frozen(kw_only=True)
class ExecutorOptions(Options):
    """The options of an executor card."""

    def preflight(self, plan: Plan) -> Iterable[Check]:
        """Return checks of what must hold before `plan` costs anything. They may ask a service, but change nothing."""
        return ()
