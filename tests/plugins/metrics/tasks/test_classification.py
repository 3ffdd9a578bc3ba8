"""Classification accuracy has FMEval's definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from llmops_plugins.metrics.tasks.classification import ClassificationAccuracy
from llmops_plugins.metrics.tasks.options import ClassificationAccuracyOptions
from llmops_sdk.plugin import Context, Generation, RecordScore, Scored, Unscored

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]
OPTIONS = ClassificationAccuracyOptions(valid_labels=("Positive", "negative", "0", "1"))


def score(value: float, label: str) -> RecordScore:
    return Scored(10, {"classification_accuracy_score": value}, {"label": label})


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [
        ("positive", "positive", score(1, "positive")),
        (" POSITIVE\n", "Positive", score(1, "positive")),
        ("The answer is negative , not positive", "positive", score(0, "negative")),
        ("It is positive.", "positive", score(0, "unknown")),
        ("positive\nnegative", "positive", score(0, "unknown")),
        ("", "positive", score(0, "unknown")),
        ("The answer is 1", 1, score(1, "1")),
        ("1", " 1 ", score(1, "1")),
        (
            "one",
            "neutral",
            Unscored(10, "the reference 'neutral' is not one of valid_labels: Positive, negative, 0, 1"),
        ),
        ("1", "", Unscored(10, "the reference '' is not one of valid_labels: Positive, negative, 0, 1")),
        ("1", 1.0, Unscored(10, "the reference field 'response' must be a label, not float")),
        ("1", None, Unscored(10, "the reference field 'response' must be a label, not NoneType")),
    ],
)
def test_the_first_label_counts(
    context: Context, generations: Make, output: str, reference: Any, expected: RecordScore
) -> None:
    """Words are separated by spaces, and their case does not count; the label is in the notes."""
    (generation,) = generations([(output, "")])
    with_reference = attrs.evolve(generation, record={**generation.record, "response": reference})
    (result,) = ClassificationAccuracy(OPTIONS).evaluate(context, [with_reference])

    assert result == expected


def test_a_record_without_the_field_is_unscored(context: Context, generations: Make) -> None:
    """The reason has the fields that the record has."""
    options = ClassificationAccuracyOptions(valid_labels=("a", "b"), reference="label")
    (result,) = ClassificationAccuracy(options).evaluate(context, generations([("a", "a")]))

    assert result == Unscored(10, "the record has no reference field 'label'; it has: instruction, response")


def test_odd_outputs_have_no_label(context: Context, generations: Make, odd_texts: Sequence[str]) -> None:
    """Control characters, emoji, right-to-left text, halves of surrogate pairs, and 20,000 words."""
    texts = [(text, "negative") for text in (*odd_texts, "word " * 20_000)]
    results = list(ClassificationAccuracy(OPTIONS).evaluate(context, generations(texts)))

    assert {0.0} == {one.scores["classification_accuracy_score"] for one in results if isinstance(one, Scored)}
    assert len(texts) == len(results)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((), "two or more different words"),
        (("yes",), "two or more different words"),
        (("yes", "Yes"), "two or more different words"),
        (("very good", "bad"), "a label is one word, .* not 'very good'"),
        (("good", " "), "a label is one word, .* not ' '"),
    ],
)
def test_unusable_labels_are_refused(labels: tuple[str, ...], message: str) -> None:
    """Labels are single words, at least two of them, all different."""
    with pytest.raises(ValueError, match=message):
        ClassificationAccuracyOptions(valid_labels=labels)
