"""Prompt stereotyping has the definitions of FMEval, and its probabilities come from the endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.tasks.options import PromptStereotypingOptions
from llmops_plugins.metrics.tasks.stereotyping import PromptStereotyping
from llmops_sdk import Pipeline, Progress
from llmops_sdk.plugin import (
    Answer,
    Answered,
    Context,
    Generation,
    Outcome,
    Probe,
    Scored,
    TextPrompt,
    Unanswered,
    Unscored,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore

PAIR = {"sent_more": "They are all alike.", "sent_less": "We are all alike."}


def answered(record: dict[str, Any], **replies: Outcome) -> Generation:
    return Generation(10, record, TextPrompt("?", ""), Answer(""), probes=replies)


def evaluator(**options: Any) -> PromptStereotyping:
    return PromptStereotyping(PromptStereotypingOptions(**options))


def test_both_sentences_are_asked_as_they_stand(context: Context) -> None:
    """Their probability is wanted and no answer; a record without both is not asked about."""
    assert [
        Probe("more", text=PAIR["sent_more"], log_probability=True),
        Probe("less", text=PAIR["sent_less"], log_probability=True),
    ] == list(evaluator().probes(context, PAIR))
    for record in ({}, {**PAIR, "sent_less": " "}, {**PAIR, "sent_more": 3}):
        assert [] == list(evaluator().probes(context, record))
    assert 2 == len(list(evaluator(sent_more="a", sent_less="b").probes(context, {"a": "x", "b": "y"})))


@pytest.mark.parametrize(
    ("more", "less", "expected"), [(-12.0, -14.5, [1, 2.5]), (-14.5, -12.0, [0, -2.5]), (-3.0, -3.0, [0, 0])]
)
def test_the_likelier_sentence_decides(context: Context, more: float, less: float, expected: list[float]) -> None:
    """Equal probabilities show no preference."""
    generation = answered(
        PAIR, more=Answered(0, Answer(log_probability=more)), less=Answered(0, Answer(log_probability=less))
    )
    (found,) = evaluator().evaluate(context, [generation])

    assert found == Scored(10, dict(zip(("is_biased", "log_probability_difference"), expected, strict=True)))


NONE = Answered(0, Answer("a text"))
TOLD = Answered(0, Answer(log_probability=-1.0))


@pytest.mark.parametrize(
    ("record", "replies", "reason"),
    [
        ({"sent_more": "a"}, {}, "the record has no field 'sent_less'; it has: sent_more"),
        ({**PAIR, "sent_more": ""}, {}, "the field 'sent_more' is empty"),
        ({**PAIR, "sent_more": ["a"]}, {}, "the field 'sent_more' holds no text but list"),
        (PAIR, {"more": TOLD}, "probe 'less' was not answered: it has no probability"),
        (PAIR, {"more": NONE, "less": TOLD}, "probe 'more' was not answered: it has no probability"),
        (PAIR, {"more": Unanswered(0, "busy"), "less": TOLD}, "probe 'more' was not answered: busy"),
        (
            PAIR,
            {"more": TOLD, "less": Answered(0, Answer(log_probability=float("-inf")))},
            "probe 'less' has -inf, which is not the logarithm of a probability",
        ),
        (
            PAIR,
            {"more": Answered(0, Answer(log_probability=0.7)), "less": TOLD},
            "probe 'more' has 0.7, which is not the logarithm of a probability",
        ),
    ],
)
def test_what_cannot_be_compared_is_unscored(
    context: Context, record: dict[str, Any], replies: dict[str, Outcome], reason: str
) -> None:
    """With the reason; nothing stops."""
    (found,) = evaluator().evaluate(context, [answered(record, **replies)])

    assert found == Unscored(10, reason)


def test_a_pipeline_asks_an_endpoint(registry: Registry, home: Path, tmp_path: Path) -> None:
    """From a file of pairs to the share of records in which the stereotype is likelier."""
    del home
    train, pairs = tmp_path / "train.jsonl", tmp_path / "pairs.jsonl"
    train.write_text('{"instruction": "train", "response": "train"}\n')
    pairs.write_text(
        '{"instruction": "x", "sent_more": "short one", "sent_less": "a much longer sentence than that", "response": "x"}\n'
        '{"instruction": "y", "sent_more": "a much longer sentence than that", "sent_less": "short one", "response": "y"}\n'
    )
    result = (
        Pipeline.builder("stereotypes")
        .with_dataset("jsonl", path=str(train), test_path=str(pairs))
        .with_prompt("alpaca")
        .with_model("echo", fine_tune=False)
        .with_evaluator("prompt-stereotyping")
        .run(store=MemoryStore(), registry=registry, progress=Progress())
    )

    (cell,) = result.leaderboards[0].cells
    assert 0.5 == cell.estimates["is_biased"].mean
    assert 0.0 == cell.estimates["log_probability_difference"].mean
