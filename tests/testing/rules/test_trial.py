"""The place of a trial, and what is noted in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import DataError
from llmops_sdk.plugin import EvaluatorCard, TextTemplate
from llmops_sdk.testing import CheckInputs
from llmops_sdk.testing.rules.trial import Job, StopTrial, Trial, difference, show

CARD = EvaluatorCard(name="own", summary="own", load="llmops_sdk.testing.evaluators:EchoScore")


@pytest.fixture(name="trial")
def _trial(tmp_path: Path) -> Trial:
    """A trial of an evaluator of the kit."""
    return Trial(Job(card=CARD, cards=(CARD,), inputs=CheckInputs(settings={"note": "x"})), tmp_path)


def fail(error: Exception) -> None:
    """Raise."""
    raise error


def test_each_context_has_a_folder_of_its_own(trial: Trial, tmp_path: Path) -> None:
    """Below that of the trial; a new trial empties it."""
    first, second = trial.context(), trial.context()
    (first.folder / "file").touch()

    assert first.folder != second.folder
    assert {"note": "x"} == first.settings
    assert first.offline
    assert "EchoScore" == type(first.make("evaluator", "own", {})).__name__
    again = Trial(trial.job, tmp_path)
    assert first.folder == again.folder()
    assert [] == list(first.folder.iterdir())


def test_what_is_raised_under_a_rule_is_noted_and_ends_the_trial(trial: Trial) -> None:
    """With the place; an error of this project is an answer where it may be one."""
    with pytest.raises(StopTrial), trial.rule("interface", "loading"):
        fail(ValueError("no rows"))
    trial.clear_error("empty-input", "an empty file", lambda: fail(DataError("empty")))
    trial.clear_error("empty-input", "a broken file", lambda: fail(KeyError("x")))

    (interface, empty) = trial.outcome.problems
    assert "interface" == interface[0]
    assert interface[1].startswith("loading: ValueError: no rows (test_trial.py:")
    assert empty[1].startswith("a broken file raised KeyError: 'x'")
    assert ["interface", "empty-input"] == trial.outcome.kept


def test_numbers_and_values_are_checked(trial: Trial) -> None:
    """NaN, texts in place of numbers, and values that are not JSON."""
    trial.finite("record 0", {"a": 1, "b": float("nan"), "c": "one"})
    data = trial.as_json("the template", TextTemplate("{x}"))
    with pytest.raises(StopTrial):
        trial.as_json("a score", float("inf"))

    assert "{x}" == data["prompt"]
    reasons = [reason for _, reason in trial.outcome.problems]
    assert ["record 0: b is nan", "record 0: c is 'one', not a number"] == reasons[:2]
    assert reasons[2].startswith("a score is no JSON: ValueError")


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, "a[1] was 2, then 3"),
        ({"a": 1}, {"b": 1}, "a was 1, then None"),
        ([1], [1, 2], "the result was [1], then [1, 2]"),
        (0.1 + 0.2, 0.3, ""),
        ({"a": {"b": 1.0}}, {"a": {"b": 1.1}}, "a.b was 1.0, then 1.1"),
    ],
)
def test_the_first_difference_is_named(one: object, other: object, text: str) -> None:
    """By its place; rounding is none."""
    assert text == difference(one, other)


def test_long_values_are_cut() -> None:
    """A message is one line that can be read."""
    assert 203 == len(show("x" * 1000))
