"""One trial of a card: its implementation is made and used in a folder of its own, and what breaks a rule is noted."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import attrs

from llmops_sdk.errors import LLMOpsError
from llmops_sdk.plugin.cards import Card, CardKind, ImplementationCard
from llmops_sdk.plugin.checks import Check
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.hookspecs import hookimpl
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing.context import make_context
from llmops_sdk.testing.rules.inputs import CheckInputs
from llmops_sdk.testing.small_run import kit_registry
from llmops_sdk.values.serial import explain, from_json, to_json

SHOWN = 200
"""The most characters of a value in a message."""


class StopTrial(Exception):  # noqa: N818 - no error: the rest of a trial makes no sense
    """What broke is noted, and nothing further can be tried."""


@attrs.frozen(kw_only=True)
class Job:
    """What is tried, in this process or in another one.

    Attributes:
        card: The card.
        cards: All cards of its plugin.
        inputs: What it is checked with.
        run: The store and the ID of a finished run, for a reporter; empty for other kinds.
        label: What reports call the card, where it has the function of a file; empty for other cards.
    """

    card: Card
    cards: tuple[Card, ...]
    inputs: CheckInputs
    run: tuple[str, str] = ("", "")
    label: str = ""

    @property
    def name(self) -> str:
        """The card as reports name it."""
        return self.label or f"{self.card.kind} {self.card.name}"


@attrs.define
class Outcome:
    """What a trial shows, as it is sent between processes.

    Attributes:
        result: What is compared with other trials, as JSON; None if there is nothing to compare.
        problems: Each a rule and what broke it.
        kept: The rules that were tried.
        left_out: The rules that were not, with the reason.
    """

    result: Any = None
    problems: list[tuple[str, str]] = attrs.field(factory=list)
    kept: list[str] = attrs.field(factory=list)
    left_out: dict[str, str] = attrs.field(factory=dict)


class Trial:
    """The place of one trial, and what was noted in it.

    Args:
        job: What is tried.
        place: A folder for this trial; the same path in every process, emptied before.
    """

    def __init__(self, job: Job, place: Path) -> None:
        self.job = job
        self.card = job.card
        self.inputs = job.inputs
        self.outcome = Outcome()
        self._place = place
        self._folders = 0
        shutil.rmtree(place / "work", ignore_errors=True)
        (place / "work").mkdir(parents=True)

    # -- what implementations are given -----------------------------------------------------------

    def folder(self) -> Path:
        """Return a new empty folder of this trial."""
        self._folders += 1
        folder = self._place / "work" / f"folder-{self._folders}"
        folder.mkdir()
        return folder

    def context(self, folder: Path | None = None) -> Context:
        """Return a context as a step makes it, in a new folder or in the given one."""
        context = make_context(
            folder or self.folder(), home=self._place / "home", assets=self.inputs.assets, settings=self.inputs.settings
        )
        return attrs.evolve(context, make=self._make_other)

    def _make_other(self, kind: CardKind, name: str, options: Mapping[str, Any]) -> Any:
        return self.registry.make(kind, name, options)

    @cached_property
    def registry(self) -> Registry:
        """The installed plugins, the testing kit, and the plugin of the card."""
        installed = _installed()
        known = {(offer.card.kind, offer.card.name) for offer in installed.offers()}
        new = tuple(card for card in self.job.cards if (card.kind, card.name) not in known)
        if not new:
            return installed
        return kit_registry({"checked": _Hooks(new)})

    def options(self) -> Any:
        """Return the options of the card."""
        try:
            return from_json(to_json(dict(self.inputs.options)), self.card.options)
        except Exception as exc:  # noqa: BLE001 - whatever it raises is noted
            reason = f"its options cannot be made from {dict(self.inputs.options)!r}: {explain(exc)}"
            self.stop("inputs", reason)

    def make(self, *arguments: Any) -> Any:
        """Return a new implementation of the card: made with its options, or with other arguments."""
        card = self.card
        if not isinstance(card, ImplementationCard):
            self.stop("card", "it has no implementation")
        missing = [module for module in card.requires if find_spec(module) is None]
        if missing:
            self.stop(
                "inputs",
                f"it needs {', '.join(missing)}, which is not installed here; untried= states why not to try it",
            )
        module, _, name = card.load.partition(":")
        with self.rule("card", "it cannot be loaded"):
            cls = getattr(import_module(module), name)
        return cls(*(arguments or (self.options(),)))

    # -- what is noted ----------------------------------------------------------------------------

    def broken(self, rule: str, reason: str) -> None:
        """Note that a rule is broken."""
        one_line = " ".join(reason.split())
        entry = (rule, one_line if len(one_line) <= 2 * SHOWN else f"{one_line[: 2 * SHOWN]}...")
        if entry not in self.outcome.problems:
            self.outcome.problems.append(entry)

    def stop(self, rule: str, reason: str) -> NoReturn:
        """Note that a rule is broken, and end the trial."""
        self.broken(rule, reason)
        raise StopTrial(reason)

    def keep(self, *rules: str) -> None:
        """Note that rules were tried."""
        self.outcome.kept += [rule for rule in rules if rule not in self.outcome.kept]

    def leave_out(self, rule: str, reason: str) -> None:
        """Note why a rule is not tried."""
        self.outcome.left_out.setdefault(rule, reason)

    def skips(self, rule: str) -> bool:
        """Return whether the inputs leave out a rule."""
        return rule in self.inputs.skip

    @contextmanager
    def rule(self, rule: str, doing: str = "") -> Iterator[None]:
        """Note whatever the block raises as breaking a rule, and end the trial then."""
        self.keep(rule)
        try:
            yield
        except StopTrial:
            raise
        except PLUGIN_FAILURES as exc:
            self.stop(rule, f"{doing}: {describe_failure(exc)}" if doing else describe_failure(exc))

    def clear_error(self, rule: str, doing: str, call: Callable[[], Any]) -> Any:
        """Call something that may refuse its input; what is raised must be one of this project's errors.

        Returns:
            What it returned, or None if it raised.
        """
        self.keep(rule)
        try:
            return call()
        except LLMOpsError:
            return None
        except PLUGIN_FAILURES as exc:
            self.broken(rule, f"{doing} raised {describe_failure(exc)}")
            return None

    def finite(self, label: str, numbers: Mapping[str, Any]) -> None:
        """Note the numbers that are none."""
        self.keep("numbers")
        for name, number in numbers.items():
            if not isinstance(number, (int, float)):
                self.broken("interface", f"{label}: {name} is {show(number)}, not a number")
            elif not math.isfinite(number):
                self.broken("numbers", f"{label}: {name} is {number}")

    def as_json(self, label: str, value: Any, cls: Any = None) -> Any:
        """Return a value as JSON data; note if it has none, or is another value when it is read again."""
        with self.rule("interface", f"{label} is no JSON"):
            data = json.loads(json.dumps(to_json(value, cls), allow_nan=False))
            again = from_json(data, cls or type(value))
        if again != value:
            self.broken("interface", f"{label} is another value after JSON and back: {show(again)}")
        return data


@cache
def _installed() -> Registry:
    """The installed plugins and the testing kit, loaded once in a process."""
    return kit_registry()


class _Hooks:
    """A plugin with given cards."""

    def __init__(self, cards: tuple[Card, ...]) -> None:
        self._cards = cards

    @hookimpl
    def llmops_cards(self) -> tuple[Card, ...]:
        """Return the cards."""
        return self._cards

    @hookimpl
    def llmops_checks(self) -> tuple[Check, ...]:
        """Return nothing."""
        return ()


def show(value: Any) -> str:
    """Return a value as messages show it."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def difference(one: Any, other: Any, where: str = "") -> str:
    """Return where two JSON values differ first, in words; empty if they do not."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            differing = difference(one.get(key), other.get(key), f"{where}.{key}" if where else str(key))
            if differing:
                return differing
        return ""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            differing = difference(left, right, f"{where}[{number}]")
            if differing:
                return differing
        return ""
    if one == other or _close(one, other):
        return ""
    return f"{where or 'the result'} was {show(one)}, then {show(other)}"


def _close(one: Any, other: Any) -> bool:
    """Return whether two numbers differ by rounding only: sums in another order, as in batches of a model."""
    return isinstance(one, float) and isinstance(other, float) and math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-6)
