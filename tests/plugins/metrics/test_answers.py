"""An answer without the form is the candidate's failure; a record without a usable reference is left out for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.answers import (
    AnswerEvaluator,
    UnreadableAnswerError,
    UnusableRecordError,
    reference_texts,
    reference_values,
    shown,
)
from llmops_sdk.plugin import Answer, Generation, Metric, Options, RecordScore, Scored, TextPrompt, Unscored
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import make_context

# The evaluators of answers with the options and record they need.
EVERY: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "match": ({}, {"response": "yes"}),
    "numeric": ({}, {"response": "7"}),
    "multiple-choice": ({}, {"response": "B"}),
    "classification": ({"labels": ["yes", "no"]}, {"response": "no"}),
    "length": ({"maximum": 3}, {}),
    "refusal": ({}, {}),
    "json-validity": ({}, {}),
    "json-schema": ({"schema": {"type": "object"}}, {}),
    "json-fields": ({}, {"response": '{"a": 1}'}),
    "tool-calls": ({}, {"response": '{"name": "f"}'}),
}
# Those that compare with a reference.
COMPARING = ("match", "numeric", "multiple-choice", "classification", "json-fields", "tool-calls")


class Grumpy(AnswerEvaluator):
    """Reads nothing."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One metric."""
        return (Metric("mood", bounds=(0.0, 1.0)),)

    def score(self, generation: Generation) -> Scored:
        """Raise what the output names."""
        if generation.output == "answer":
            message = "not like this"
            raise UnreadableAnswerError(message)
        if generation.output == "record":
            message = "no reference"
            raise UnusableRecordError(message)
        return Scored(generation.index, {"mood": 1.0})


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("fine", Scored(3, {"mood": 1.0})),
        ("answer", Unscored(3, "not like this", is_failure=True)),
        ("record", Unscored(3, "no reference")),
    ],
)
def test_two_ways_to_have_no_score(
    score_answer: Callable[..., RecordScore], output: str, expected: RecordScore
) -> None:
    """One counts as the worst score, the other leaves the record out."""
    assert expected == score_answer(Grumpy(Options()), output)


def test_references_are_a_text_or_several() -> None:
    """Empty ones do not count; a record that has none is left out, with what it has."""

    def generation(**record: Any) -> Generation:
        return Generation(0, record, TextPrompt("?"), Answer("a"))

    assert ("a", "b") == reference_texts(generation(response=["a", " ", "b"]), "response")
    with pytest.raises(UnusableRecordError, match="no reference field 'label'; it has: response"):
        reference_texts(generation(response="a"), "label")
    with pytest.raises(UnusableRecordError, match="no reference field 'label'; it has: response"):
        reference_values({"response": 1}, "label")
    assert [1] == reference_values({"x": [1]}, "x")


def test_reasons_quote_the_start_of_a_value() -> None:
    """On one line, shortened."""
    assert f"'{'a' * 60}...'" == shown("a" * 100)
    assert "'[1, 2]'" == shown([1, 2])


@pytest.mark.parametrize("name", EVERY)
def test_odd_answers_have_scores_within_the_bounds(
    metrics_registry: Registry, tmp_path: Path, odd_texts: Sequence[str], name: str
) -> None:
    """Empty ones, control characters, right-to-left text, halves of surrogate pairs, 20,000 words, deep nesting."""
    options, record = EVERY[name]
    evaluator = metrics_registry.make("evaluator", name, options)
    texts = (
        *odd_texts,
        "word " * 20_000,
        "[" * 50_000,
        '{"a": ' * 5_000,
        "1," * 20_000,
        "```json\n" * 3_000,
        "answer is " * 5_000,
    )
    generations = [Generation(place, record, TextPrompt("?"), Answer(text)) for place, text in enumerate(texts)]
    bounds = {metric.name: metric.bounds for metric in evaluator.metrics}

    scores = list(evaluator.evaluate(make_context(tmp_path), generations))

    assert list(range(len(texts))) == [score.index for score in scores]
    for score in scores:
        assert isinstance(score, Scored) or (isinstance(score, Unscored) and score.is_failure)
        for metric, value in score.scores.items() if isinstance(score, Scored) else ():
            low, high = bounds[metric] or (0.0, 1e100)
            assert low <= value <= high


@pytest.mark.parametrize("name", COMPARING)
@pytest.mark.parametrize("reference", [None, "", " ", [], [None], {}, 0.5, True, "\x00"])
def test_a_record_with_an_unusable_reference_is_left_out(
    score_answer: Callable[..., RecordScore], metrics_registry: Registry, name: str, reference: Any
) -> None:
    """It is never an error and never the candidate's failure, however the answer is."""
    evaluator = metrics_registry.make("evaluator", name, EVERY[name][0])
    usable: dict[str, list[Any]] = {"json-fields": [{}], "tool-calls": [[]], "numeric": [0.5], "match": ["\x00"]}
    for output in ("", "nothing of use"):
        score = score_answer(evaluator, output, response=reference)

        if reference in usable.get(name, []) and reference is not True:
            continue
        assert isinstance(score, Unscored)
        assert not score.is_failure


@pytest.mark.parametrize("name", COMPARING)
def test_the_option_field_names_where_the_reference_is(
    score_answer: Callable[..., RecordScore], metrics_registry: Registry, name: str
) -> None:
    """The reason of a record without it lists what it has."""
    evaluator = metrics_registry.make("evaluator", name, {**EVERY[name][0], "field": "gold"})
    score = score_answer(evaluator, "yes", response="yes")

    assert Unscored(3, "the record has no reference field 'gold'; it has: response") == score
