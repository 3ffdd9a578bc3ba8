"""Factual knowledge has the definitions of FMEval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from llmops_plugins.metrics.tasks.factual import FactualKnowledge
from llmops_plugins.metrics.tasks.options import FACTUAL_METRICS, FactualKnowledgeOptions
from llmops_sdk.plugin import Context, Generation, Scored, Unscored

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [
        ("Germany, and also its most populous city", "germany", [1, 1]),
        ("It is in the U.K.", "UK", [0, 1]),
        ("It is in the UK.", "U.K.", [0, 1]),
        ("women", "men", [1, 1]),
        ("I do not know", "Germany<OR>Berlin", [0, 0]),
        ("It is Berlin", "Germany<OR>Berlin", [1, 1]),
        ("It is Berlin", "Germany<OR> berlin", [1, 1]),
        ("Berlin", " Berlin", [0, 1]),
        ("", "Germany", [0, 0]),
    ],
)
def test_known_answers(context: Context, generations: Make, output: str, reference: str, expected: list[float]) -> None:
    """Case does not count, and for the second metric neither do punctuation, articles and outer spaces. Both search within words too."""
    (score,) = FactualKnowledge(FactualKnowledgeOptions()).evaluate(context, generations([(output, reference)]))

    assert score == Scored(10, dict(zip(FACTUAL_METRICS, expected, strict=True)))


def test_an_answer_without_words_is_not_searched_without_them(context: Context, generations: Make) -> None:
    """Normalized, it would be empty, and in every output; as it stands, it is searched."""
    (score,) = FactualKnowledge(FactualKnowledgeOptions()).evaluate(context, generations([("what you like", "the")]))

    reason = "the reference has no words besides articles and punctuation"
    assert Scored(10, {"factual_knowledge": 0}, {"left_out": reason}) == score


def test_all_answers_can_be_required(context: Context, generations: Make) -> None:
    """With AND, the output must contain each of the expected answers."""
    options = FactualKnowledgeOptions(
        delimiter="<AND>", logical_operator="AND", metrics=("factual_knowledge_quasi_exact",)
    )
    colours = "Red<AND>Yellow<AND>Blue"
    scores = FactualKnowledge(options).evaluate(
        context, generations([("red, blue and yellow", colours), ("red and blue", colours)])
    )

    assert [1.0, 0.0] == [
        score.scores["factual_knowledge_quasi_exact"] for score in scores if isinstance(score, Scored)
    ]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (["Bonn", "Berlin"], 1.0),
        ("Berlin<OR>", "an expected answer in 'response' is empty"),
        ("", "the reference field 'response' is empty"),
        (7, "the reference field 'response' must be text, not int"),
        (None, "the record has no reference field 'response'; it has: instruction, response"),
    ],
)
def test_odd_references(context: Context, generations: Make, reference: Any, expected: float | str) -> None:
    """A list is accepted; an empty answer, which every output contains, is an error of the reference."""
    (generation,) = generations([("It is Berlin", "")])
    with_reference = attrs.evolve(generation, record={**generation.record, "response": reference})
    (score,) = FactualKnowledge(FactualKnowledgeOptions()).evaluate(context, [with_reference])

    assert score == (
        Unscored(10, expected) if isinstance(expected, str) else Scored(10, dict.fromkeys(FACTUAL_METRICS, expected))
    )


def test_odd_outputs_are_scored(context: Context, generations: Make, odd_texts: Sequence[str]) -> None:
    """Control characters, emoji, right-to-left text, halves of surrogate pairs, and 20,000 words."""
    texts = [(text, "x") for text in (*odd_texts, "word " * 20_000)]
    scores = list(FactualKnowledge(FactualKnowledgeOptions()).evaluate(context, generations(texts)))

    assert [float("x" in text.lower()) for text, _ in texts] == [
        score.scores["factual_knowledge"] for score in scores if isinstance(score, Scored)
    ]


def test_a_delimiter_that_contradicts_the_operator_is_refused() -> None:
    """One of the two must be a mistake."""
    with pytest.raises(ValueError, match="delimiter '<OR>' and logical_operator 'AND' contradict each other"):
        FactualKnowledgeOptions(logical_operator="AND")
    assert "; " == FactualKnowledgeOptions(logical_operator="AND", delimiter="; ").delimiter
