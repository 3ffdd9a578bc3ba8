"""What cards are tried with by default."""

from __future__ import annotations

import attrs

from llmops_sdk.plugin import Answer, Generation, TextPrompt, from_json, to_json
from llmops_sdk.testing import CheckInputs


def test_every_other_answer_is_right() -> None:
    """The answers are those of the records, in their order."""
    inputs = CheckInputs(records=({"instruction": "a", "context": "", "response": "x"},) * 3)

    generations = inputs.answers()

    assert [0, 1, 2] == [generation.index for generation in generations]
    assert ["x", "It is 1.", "x"] == [generation.output for generation in generations]


def test_unusual_answers_fit_the_generations_that_were_given() -> None:
    """They keep their records, so that an evaluator finds the fields that it needs."""
    own = Generation(0, {"label": "good"}, TextPrompt("?"), Answer("good"))

    usual = CheckInputs().unusual_answers()
    others = CheckInputs(generations=(own,)).unusual_answers()

    assert "" in [generation.output for generation in usual]
    assert any("response" not in generation.record for generation in usual)
    assert {"good"} == {generation.record["label"] for generation in others}
    assert [generation.output for generation in usual] == [generation.output for generation in others]


def test_the_default_generations_are_json() -> None:
    """As those of a run are."""
    for generation in (*CheckInputs().answers(), *CheckInputs().unusual_answers()):
        assert generation == from_json(to_json(generation), Generation)
    assert attrs.has(CheckInputs)
