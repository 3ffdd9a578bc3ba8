"""FMEval's semantic robustness on recorded answers: it makes the questions that were asked, and has the same values."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import pytest

from llmops_sdk.plugin import Answer, Answered, Context, Generation, Scored, Unscored

Rows = Sequence[tuple[Mapping[str, Any], str]]
Make = Callable[[Rows], list[Generation]]

pytestmark = [
    pytest.mark.rare(reason="FMEval takes half a minute to be imported, and some tenths of a second a record"),
    pytest.mark.usefixtures("needs_fmeval", "temporary"),
]


def _answered(context: Context, name: str, options: Mapping[str, Any], asked: list[Generation]) -> list[Generation]:
    """Answer the probes of each record: its output with some words changed."""
    evaluator = context.make("evaluator", name, options)
    shuffle = random.Random(6)
    answered = []
    for generation in asked:
        words = generation.output.split()
        replies = {
            probe.name: Answered(0, Answer(" ".join(word for word in words if shuffle.random() > 0.2)))
            for probe in evaluator.probes(context, generation.record)
        }
        answered.append(attrs.evolve(generation, probes=replies))
    return answered


@pytest.mark.parametrize("change", ["butter_finger", "random_upper_case", "whitespace_add_remove"])
def test_summaries(context: Context, dolly: Rows, generations: Make, change: str) -> None:
    """All three changes, for real records: FMEval makes the questions that were asked, and the values are equal."""
    changes = {"perturbation_type": change, "num_perturbations": 2}
    fast = {"metrics": ["rougeL", "meteor", "bertscore"], **changes}
    _compare(context, "summarization-accuracy", ({"rouge_type": "rougeL", **changes}, fast), generations(dolly[:8]))


def test_answers(context: Context, dolly: Rows, generations: Make) -> None:
    """All scores of question answering, with FMEval's five changed questions."""
    metrics = ["f1", "exact_match", "quasi_exact_match", "precision_over_words", "recall_over_words", "bertscore"]
    _compare(context, "qa-accuracy", ({}, {"metrics": metrics}), generations(dolly[:8]))


def test_labels(context: Context, generations: Make) -> None:
    """With the labels in the options."""
    options = {"valid_labels": ["yes", "no"]}
    words = ["yes no yes", "no no no", "maybe yes", "no", "unclear"]
    rows = [({"instruction": f"Is it {number}?", "response": "yes"}, words[number % 5]) for number in range(20)]
    _compare(context, "classification-accuracy", (options, options), generations(rows))


@pytest.mark.parametrize("samples", [0, 3])
def test_outputs(context: Context, dolly: Rows, generations: Make, samples: int) -> None:
    """Word errors and BERTScore, with one answer to a question and with several."""
    options = {"num_perturbations": 2, "num_baseline_samples": samples}
    asked = generations([*dolly[:8], ({"instruction": "Say nothing."}, "")])
    _compare(context, "general", (options, options), asked)


def _compare(
    context: Context, task: str, options: tuple[Mapping[str, Any], Mapping[str, Any]], asked: list[Generation]
) -> None:
    names = f"fmeval-{task}-semantic-robustness", f"{task}-semantic-robustness"
    asked = _answered(context, names[0], options[0], asked)
    assert asked == _answered(context, names[1], options[1], asked)
    true, fast = (context.make("evaluator", name, one) for name, one in zip(names, options, strict=True))
    scores = list(true.evaluate(context, iter(asked)))
    for generation, theirs, ours in zip(asked, scores, fast.evaluate(context, iter(asked)), strict=True):
        assert generation.index == theirs.index
        if isinstance(ours, Unscored):
            assert isinstance(theirs, Unscored)
            continue
        assert isinstance(theirs, Scored), theirs
        assert len(theirs.scores) == len(ours.scores)
        for (name, expected), value in zip(ours.scores.items(), theirs.scores.values(), strict=True):
            assert value == pytest.approx(expected, abs=1e-5 if "bertscore" in name else 0, rel=0), name
    assert any(any(score.scores.values()) for score in scores if isinstance(score, Scored))
    assert true.provenance(context)["run"] == "evaluate_sample, record by record"
