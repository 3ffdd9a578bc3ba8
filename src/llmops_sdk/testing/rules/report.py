"""The rules by their names, what breaks one, and the report of a check."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

RULES: dict[str, tuple[str, str]] = {
    "card": (
        "the card can be used, and its implementation is of its kind",
        "see the reference of cards and interfaces",
    ),
    "inputs": (
        "the check has what it needs to try the card",
        "give it to check: CheckInputs(...)",
    ),
    "light-import": (
        "importing the hooks loads no heavy library",
        "import it inside the functions that use it: every llmops command reads the hooks",
    ),
    "options": (
        "options are the same after to_mapping, JSON and back",
        "declare each one with option() and a type that JSON has, and let to_mapping return what was given",
    ),
    "interface": (
        "results are what the interface asks for",
        "see the reference of interfaces",
    ),
    "seed": (
        "two calls with the same options and the same seed give the same result",
        "draw from random.Random(seed) with the seed of the options, never from global state or the clock",
    ),
    "child-process": (
        "another process gives the same result",
        "depend on the options and the input alone: not on hash(), the order of a set, or what this process did before",
    ),
    "numbers": (
        "no number is NaN or infinite",
        "yield Unscored(generation.index, reason) where there is no number, and leave out the number in other places",
    ),
    "bounds": (
        "scores are within the bounds of their metric",
        "correct the score, or the bounds of the Metric",
    ),
    "alone": (
        "a record's score does not depend on the other records",
        "score each record on its own: a resumed run scores only those that remain",
    ),
    "empty-input": (
        "empty and unusual input is an answer or a clear error, never a crash",
        "check the input first, and raise DataError, or yield Unscored, with the reason",
    ),
    "delete-twice": (
        "deleting what is gone does nothing",
        "return where the resource is not there any more: the core deletes again after a crash",
    ),
    "offline": (
        "nothing but this machine is reached",
        "make requests where context.offline is False only",
    ),
    "own-folder": (
        "nothing is written outside the context's folders",
        "write below context.folder, below context.home what runs share, or to a file of tempfile",
    ),
    "standard-output": (
        "nothing is printed to standard output",
        "use context.log.info(...): standard output has results and nothing else",
    ),
}
"""What each rule asks for, and how to fix what breaks it."""


@attrs.frozen
class Problem:
    """A rule that a card breaks.

    Attributes:
        card: The card: `evaluator brevity`.
        rule: The rule's name.
        reason: What happened.
    """

    card: str
    rule: str
    reason: str

    @property
    def fix(self) -> str:
        """How to fix it."""
        return RULES[self.rule][1]

    def __str__(self) -> str:
        return f"{self.card} breaks {self.rule!r}: {self.reason}; fix: {self.fix}"


@attrs.frozen
class CardReport:
    """What was found out about one card.

    Attributes:
        card: The card: `evaluator brevity`.
        problems: The rules that it breaks.
        kept: The rules that were checked, and that it keeps.
        left_out: The rules that were not checked, with the reason.
    """

    card: str
    problems: tuple[Problem, ...] = ()
    kept: tuple[str, ...] = ()
    left_out: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class CheckReport:
    """What `check` found out about a plugin.

    Attributes:
        plugin: What was checked.
        cards: One report for each card.
    """

    plugin: str
    cards: tuple[CardReport, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All broken rules."""
        return tuple(problem for card in self.cards for problem in card.problems)

    def __str__(self) -> str:
        """List the broken rules, one in each line; without any, what was checked and what was left out."""
        if self.problems:
            count = f"{len(self.problems)} broken rule{'s' if len(self.problems) > 1 else ''}"
            return "\n".join([f"{self.plugin}: {count}", *map(str, self.problems)])
        lines = [f"{self.plugin}: all rules that were checked are kept"]
        for card in self.cards:
            lines.append(f"{card.card}: {', '.join(card.kept)}")
            lines += [f"{card.card}: not checked: {rule}: {reason}" for rule, reason in card.left_out.items()]
        return "\n".join(lines)


class BrokenRulesError(AssertionError):
    """A plugin breaks rules; the message has one line for each.

    Attributes:
        report: The whole report.
    """

    def __init__(self, report: CheckReport) -> None:
        super().__init__(str(report))
        self.report = report

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The broken rules."""
        return self.report.problems
