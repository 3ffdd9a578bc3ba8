"""General semantic robustness: how different the answers to changed questions are."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.metrics.bertscore.score import bert_score
from llmops_plugins.metrics.bertscore.weights import find_weights
from llmops_plugins.metrics.pairs import Pair
from llmops_plugins.metrics.robustness.wer import word_error_rate
from llmops_sdk.plugin import (
    Context,
    Scored,
    Unscored,
)

from .conftest import general, generation


def test_a_baseline_asks_the_record_again(context: Context) -> None:
    """The option is the number of answers, including the output itself."""
    record = {"instruction": "Why?"}
    names = [probe.name for probe in general(num_baseline_samples=3).probes(context, record)]

    assert ["0", "1", "2", "3", "4", "baseline-1", "baseline-2"] == names
    assert record == list(general(num_baseline_samples=3).probes(context, record))[-1].record


def test_outputs_are_compared_with_the_output(context: Context) -> None:
    """By the word errors of all outputs per word of the output, and by 1 minus the mean BERTScore."""
    outputs = ["It is Rome, of course.", "It is Rome, of course.", "That is Milan."]
    (score,) = general(num_perturbations=3).evaluate(context, [generation("It is Rome.", *outputs)])
    scorer = bert_score(find_weights(context, "minilm"), 6, context.home)
    f1 = [
        outcome["bertscore"]  # type: ignore[index]
        for outcome in scorer.score([Pair(output, "It is Rome.") for output in outputs])
    ]

    assert isinstance(score, Scored)
    assert ["word_error_rate", "bertscore_dissimilarity"] == list(score.scores)
    assert (3 + 3 + 2) / 9 == score.scores["word_error_rate"]
    assert 1 - sum(f1) / 3 == pytest.approx(score.scores["bertscore_dissimilarity"], abs=1e-6)


def test_equal_answers_have_no_difference(context: Context) -> None:
    """Both metrics are 0, except for the rounding of the encoder."""
    (score,) = general(num_perturbations=2).evaluate(context, [generation("It is Rome.", "It is Rome.", "It is Rome.")])

    assert isinstance(score, Scored)
    assert [0, 0] == pytest.approx(list(score.scores.values()), abs=1e-6)


def test_differences_between_baseline_answers_are_subtracted(context: Context) -> None:
    """All pairs of answers to the unchanged question are compared, including the output."""
    again: dict[str, Any] = {"baseline_1": "It is Roma.", "baseline_2": "It is it."}
    evaluator = general(num_perturbations=1, num_baseline_samples=3, metrics=("word_error_rate",))
    baseline = word_error_rate(
        [("It is Roma.", "It is it."), ("It is Roma.", "It is Rome."), ("It is it.", "It is Rome.")]
    )

    assert 1 / 3 == baseline
    for changed, rate in (("That was Milan .", 4 / 3), ("It is Milan.", 1 / 3)):
        (score,) = evaluator.evaluate(context, [generation("It is Rome.", changed, **again)])
        assert isinstance(score, Scored)
        assert max(0, rate - baseline) == pytest.approx(score.scores["word_error_rate"])


def test_an_output_without_words_is_unscored(context: Context) -> None:
    """Its rate would be divided by 0; an empty answer to a changed question is a difference like any other."""
    evaluator = general(num_perturbations=1, metrics=("word_error_rate",))

    assert [
        Unscored(10, "the output has no words: there is nothing to compare the others with"),
        Scored(10, {"word_error_rate": 1}),
    ] == list(evaluator.evaluate(context, [generation(" \n", "Rome"), generation("Rome", "")]))
