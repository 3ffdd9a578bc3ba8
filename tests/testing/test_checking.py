"""`check` catches plugins that break the rules, and names each rule in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

import llmops_sdk.testing
from llmops_sdk import SpecError
from llmops_sdk.plugin import Card, EvaluatorCard, Options, hookimpl
from llmops_sdk.testing import BrokenRulesError, CheckInputs, CheckReport, check, examine

from . import functions, wrong

# The start of the line that each wrong plugin leads to, after its name and the rule.
LINES: list[tuple[Card, str, str]] = [
    (wrong.PRINTS, "standard-output", "it printed 'scoring record 0"),
    (wrong.WRITES, "own-folder", f"it wrote {str(wrong.HOME)!r}; fix: write below context.folder"),
    (wrong.UNSEEDED, "seed", "the results of two calls differ: "),
    (wrong.NO_NUMBER, "numbers", "record 0: words is nan (and 2 more); fix: yield Unscored(generation.index, reason)"),
    (
        wrong.DELETES_ONCE,
        "delete-twice",
        "deleting process 'llmops-test-step' the second time raised FileNotFoundError",
    ),
    (wrong.CONNECTS, "offline", "it tried to reach 192.0.2.1:80; fix: "),
    (wrong.LOSES_OPTIONS, "options", "limit was 1, and after JSON and back 2; fix: "),
    (wrong.REMEMBERS, "seed", "the results of two calls differ: scores[0].words was "),
    (wrong.RANKS, "alone", "with the others, and on its own: record 5.words was 5, then 0"),
    (wrong.HASHES, "child-process", "the results of this process and of another one differ: scores[0].words"),
]


@pytest.fixture(name="report", scope="module")
def _report() -> CheckReport:
    """The report on a plugin with all wrong cards."""
    return examine(wrong, {"deployer deletes-once": CheckInputs(model=wrong.MODEL)})


@pytest.mark.parametrize(("card", "rule", "what"), LINES, ids=lambda value: getattr(value, "name", ""))
def test_a_wrong_plugin_is_caught(report: CheckReport, card: Card, rule: str, what: str) -> None:
    """The message has one line for the rule: what happened, and how to fix it. Nothing was written."""
    name = f"{card.kind} {card.name}"
    lines = [line for line in str(report).splitlines() if line.startswith(f"{name} breaks {rule!r}: ")]

    assert lines, str(report)
    assert lines[0].startswith(f"{name} breaks {rule!r}: {what}")
    assert "; fix: " in lines[0]
    assert not wrong.HOME.exists()


def test_nothing_else_is_found_in_them(report: CheckReport) -> None:
    """A fault leads to few lines: that of its rule, and those of rules that cannot hold with it."""
    also = {"evaluator remembers": {"alone", "child-process"}, "dataset unseeded": {"child-process"}}

    for card, rule, _ in LINES:
        name = f"{card.kind} {card.name}"
        broken = {problem.rule for problem in report.problems if problem.card == name}
        assert broken <= {rule, *also.get(name, set())}, str(report)


def test_the_error_has_all_lines_and_the_report() -> None:
    """`check` raises an AssertionError, which pytest shows as it is."""
    with pytest.raises(AssertionError, match="evaluator 'prints': 1 broken rule\nevaluator prints breaks") as caught:
        check(wrong.PRINTS)

    assert isinstance(caught.value, BrokenRulesError)
    (problem,) = caught.value.problems
    assert ("evaluator prints", "standard-output") == (problem.card, problem.rule)
    assert "use context.log.info" in problem.fix


def test_a_rule_is_left_out_with_a_reason() -> None:
    """The report has the reason; nothing is skipped without one."""
    report = check(wrong.PRINTS, CheckInputs(skip={"standard-output": "it is a demonstration"}))

    (card,) = report.cards
    assert {"standard-output": "it is a demonstration"} == card.left_out
    assert "standard-output" not in card.kept
    assert "evaluator prints: not checked: standard-output: it is a demonstration" in str(report)


def test_the_kit_keeps_its_own_rules() -> None:
    """Every card of the testing plugin is checked with its defaults."""
    report = check(llmops_sdk.testing)

    assert {card.kind for card in llmops_sdk.testing.llmops_cards()} == {one.card.split()[0] for one in report.cards}
    for card in report.cards:
        assert {"options", "seed", "child-process", "offline", "own-folder", "standard-output"} <= {
            *card.kept,
            *card.left_out,
        }


@pytest.mark.parametrize(
    "name", ["brevity", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sums", "terse", "shout"))]
)
def test_a_function_of_a_file_is_checked(name: str) -> None:
    """As the card is that a specification makes of it; its options are those after the star."""
    report = check(getattr(functions, name))

    assert report.cards[0].card.endswith(f" {name}")
    assert {"options", "interface", "child-process", "standard-output"} <= set(report.cards[0].kept)


def test_a_wrong_function_is_caught() -> None:
    """With a line for each rule that it breaks; options are given as in a specification."""
    report = examine(functions.noise)

    assert {"alone", "seed", "standard-output"} == {problem.rule for problem in report.problems}
    assert "metric noise breaks 'standard-output': it printed 'scoring Lima" in str(report)
    with pytest.raises(SpecError, match="has no option 'words'"):
        check(functions.brevity, CheckInputs(options={"words": 3}))


@attrs.frozen(kw_only=True)
class _NeedsAPath(Options):
    path: str


@pytest.mark.parametrize(
    ("card", "line"),
    [
        (
            EvaluatorCard(name="gone", summary="gone", load="no_such_module:Metric"),
            "evaluator gone breaks 'child-process': module 'no_such_module' cannot be imported there",
        ),
        (
            EvaluatorCard(name="needs-path", summary="needs", load=f"{wrong.__name__}:Prints", options=_NeedsAPath),
            "evaluator needs-path breaks 'inputs': its options cannot be made from {}: 'path' is missing",
        ),
        (
            EvaluatorCard(name="no-metric", summary="a store", load="llmops_sdk.testing.store:MemoryStore"),
            "evaluator no-metric breaks ",
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_cannot_be_tried_is_a_line_too(card: Card, line: str) -> None:
    """A module that cannot be imported, options without a default, a class of another kind."""
    assert line in str(examine(card))


class _Empty:
    """A plugin whose hook fails."""

    @hookimpl
    def llmops_cards(self) -> Any:
        message = "no cards"
        raise RuntimeError(message)


@pytest.mark.parametrize(
    ("plugin", "inputs", "message"),
    [
        (3, None, "3 is no plugin: give a card, a module or object with hooks, the name of an installed plugin"),
        ("promt", None, "no plugin is called 'promt'; did you mean 'prompts'"),
        (wrong, CheckInputs(), "has 10 cards; give inputs by card: {'dataset unseeded': CheckInputs"),
        (wrong, {"evaluator print": CheckInputs()}, "has no card 'evaluator print'; did you mean 'evaluator prints'"),
        (wrong.PRINTS, CheckInputs(skip={"sed": "x"}), "no rule is called 'sed'; did you mean 'seed'"),
    ],
)
def test_a_mistake_in_the_call_is_no_broken_rule(plugin: Any, inputs: Any, message: str) -> None:
    """It is an error of its own, before anything is tried."""
    with pytest.raises((TypeError, LookupError, ValueError), match=message):
        check(plugin, inputs)


def test_a_plugin_that_cannot_be_loaded_breaks_a_rule() -> None:
    """The line has what its hook raised."""
    with pytest.raises(BrokenRulesError, match="breaks 'card': RuntimeError: no cards"):
        check(_Empty())


def test_relative_paths_in_options_mean_the_same_in_the_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs in an empty folder; a path that exists here is made absolute."""
    rows = "".join(f'{{"question": "q{number}", "answer": "a{number}"}}\n' for number in range(12))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (card,) = (offer.card for offer in llmops_sdk.Registry.load().offers("dataset") if offer.card.name == "jsonl")

    report = check(card, CheckInputs(options={"path": "rows.jsonl"}))

    assert "seed" in report.cards[0].kept
