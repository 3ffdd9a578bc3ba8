"""The choice that the model finds likeliest, as lm-eval scores multiple choice."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.choices.likelihood import ChoiceLikelihood
from llmops_plugins.metrics.choices.options import ChoiceLikelihoodOptions
from llmops_sdk.plugin import Answer, Answered, Outcome, Pending, Probe, RecordScore, Scored, Unanswered, Unscored
from llmops_sdk.testing import make_context

ScoreAnswer = Callable[..., RecordScore]
RECORD: dict[str, Any] = {"choices": ["Rome", "Oslo, in Norway"], "response": 1}


def probed(prompt: float, *choices: float) -> dict[str, Outcome]:
    values = {"prompt": prompt} | {f"choice {place}": value for place, value in enumerate(choices)}
    return {name: Answered(0, Answer(log_probability=value)) for name, value in values.items()}


@pytest.mark.parametrize(
    ("values", "acc", "acc_norm"),
    [
        # ln p of the texts alone: -4 and -6; by character: -1 and -0.4.
        ((-10, -14, -16), 0, 1),
        # -4 and -3; -1 and -0.2.
        ((-10, -14, -13), 1, 1),
        # -2 and -14; -0.5 and -0.93.
        ((-10, -12, -24), 0, 0),
        # Equal: the first one counts. -4 and -4.
        ((-10, -14, -14), 0, 1),
    ],
)
def test_acc_and_acc_norm(
    score_answer: ScoreAnswer, values: tuple[float, float, float], acc: float, acc_norm: float
) -> None:
    """Computed by hand: 4 and 15 characters; the prompt's own probability matters for `acc_norm`."""
    score = score_answer(ChoiceLikelihood(ChoiceLikelihoodOptions()), "", probes=probed(*values), **RECORD)

    notes = {"acc": "AB"[int(acc)], "acc_norm": "AB"[int(acc_norm)]}
    assert Scored(3, {"acc": acc, "acc_norm": acc_norm}, notes) == score


def test_the_prompt_is_asked_with_each_choice(tmp_path: Path) -> None:
    """After the delimiter; alone too, which only `acc_norm` needs."""
    context = make_context(tmp_path)
    both = ChoiceLikelihood(ChoiceLikelihoodOptions())
    plain = ChoiceLikelihood(ChoiceLikelihoodOptions(metrics=("acc",), delimiter=""))

    assert [
        Probe("prompt", record=RECORD, log_probability=True),
        Probe("choice 0", record=RECORD, continuation=" Rome", log_probability=True),
        Probe("choice 1", record=RECORD, continuation=" Oslo, in Norway", log_probability=True),
    ] == list(both.probes(context, RECORD))
    assert ["Rome", "Oslo, in Norway"] == [probe.continuation for probe in plain.probes(context, RECORD)]
    assert [] == list(both.probes(context, {"response": 1}))
    assert [] == list(both.probes(context, {**RECORD, "response": 5}))


def test_acc_alone_needs_no_probability_of_the_prompt(score_answer: ScoreAnswer) -> None:
    """It is the same for all choices."""
    probes = probed(0, -5, -4)
    del probes["prompt"]
    evaluator = ChoiceLikelihood(ChoiceLikelihoodOptions(metrics=("acc",)))

    assert Scored(3, {"acc": 1.0}, {"acc": "B"}) == score_answer(evaluator, "", probes=probes, **RECORD)


@pytest.mark.parametrize(
    ("outcome", "reason", "is_failure"),
    [
        (Unanswered(0, "a chat has none"), "probe 'choice 1' was not answered: a chat has none", True),
        (Unanswered(0, "not recorded", is_missing=True), "probe 'choice 1' was not answered: not recorded", False),
        (Pending(0, "timed out"), "probe 'choice 1' was not answered: timed out", False),
        (None, "probe 'choice 1' was not answered: it was not asked", False),
        (Answered(0, Answer()), "probe 'choice 1' has None, which is not the logarithm of a probability", False),
        (Answered(0, Answer(log_probability=0.5)), "probe 'choice 1' has 0.5, which is not", False),
        (Answered(0, Answer(log_probability=-math.inf)), "probe 'choice 1' has -inf, which is not", False),
    ],
)
def test_a_probability_may_be_missing(
    score_answer: ScoreAnswer,
    outcome: Outcome | None,
    reason: str,
    is_failure: bool,  # noqa: FBT001 - a case
) -> None:
    """What the candidate refused for good is its failure; all else leaves the record out."""
    probes = probed(-10, -14, -14)
    del probes["choice 1"]
    probes |= {"choice 1": outcome} if outcome else {}
    score = score_answer(ChoiceLikelihood(ChoiceLikelihoodOptions()), "", probes=probes, **RECORD)

    assert isinstance(score, Unscored)
    assert score.error.startswith(reason)
    assert is_failure == score.is_failure


@pytest.mark.parametrize("record", [{"response": 1}, {"choices": ["a"], "response": 0}, {**RECORD, "response": "C"}])
def test_a_record_without_choices_is_left_out(score_answer: ScoreAnswer, record: dict[str, Any]) -> None:
    """Nothing was asked about it."""
    score = score_answer(ChoiceLikelihood(ChoiceLikelihoodOptions()), "", **record)

    assert isinstance(score, Unscored)
    assert not score.is_failure
