"""Outputs and references that are hard on an evaluator: each has a score, or an error of its own record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.metrics.judge.evaluator import LlmJudge
from llmops_plugins.metrics.judge.options import JudgeOptions
from llmops_plugins.metrics.text.evaluator import TextMetrics
from llmops_plugins.metrics.text.options import TEXT_METRICS, TextMetricsOptions
from llmops_sdk.plugin import Answer, Context, Generation, RecordScore, Scored, TextPrompt, Unscored
from llmops_sdk.testing import InstantEndpoint, make_context

LONG = "word and another one, " * 5000
USUAL = "A word that was heard in the old town."
TEXTS = (
    USUAL,
    LONG,
    "the " * 20_000,
    "x" * 200_000,
    "今天" * 20_000,
    "😀 👩‍👩‍👧‍👦 🇩🇪",
    "مرحبا بالعالم. שלום \u202eabc\u202c",
    "\x00\x01\x1b[31mred\x1b[0m\x7f\u2028",
    "half \ud83d of a pair",
)
NOTHING: Sequence[Any] = (None, "", " \n", [], [""], ["x", None], {"a": 1})
MISSING = object()

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def step(tmp_path: Path) -> Context:
    return make_context(tmp_path / "step")


def asked(outputs: Sequence[str], references: Sequence[Any]) -> list[Generation]:
    """Return every output with every reference, which is its source too."""
    return [
        Generation(
            index,
            {"instruction": "?"} if reference is MISSING else {"response": reference, "context": reference},
            TextPrompt("?", ""),
            Answer(output),
        )
        for index, (output, reference) in enumerate((output, held) for output in outputs for held in references)
    ]


def text_metrics(step: Context, generations: Sequence[Generation]) -> list[RecordScore]:
    options = TextMetricsOptions(metrics=TEXT_METRICS, ngram=1)
    return list(TextMetrics(options).evaluate(step, iter(generations)))


@pytest.mark.parametrize("output", TEXTS, ids=range(len(TEXTS)))
def test_text_metrics_score_hard_texts(step: Context, output: str) -> None:
    """Beside a usual reference and beside themselves; a metric that is not defined for them is left out with a note."""
    for score in text_metrics(step, asked([output], [USUAL, output])):
        assert isinstance(score, Scored)
        assert all(math.isfinite(value) for value in score.scores.values())
        assert len(TEXT_METRICS) == len(score.scores) or score.notes["left_out"]
    (other,) = text_metrics(step, asked([USUAL], [output]))
    assert isinstance(other, Scored)


@pytest.mark.parametrize("output", ["", " \n", USUAL, LONG])
def test_text_metrics_tell_what_is_missing(step: Context, output: str) -> None:
    """An empty output is a bad one; without a reference there is no score, and the reason is the record's own."""
    (scored, *errors) = text_metrics(step, asked([output], [USUAL, *NOTHING, MISSING]))

    assert isinstance(scored, Scored)
    assert 1 + len(NOTHING) == len(errors)
    assert all("field" in getattr(error, "error", "") for error in errors)


@pytest.mark.parametrize("form", ["chat", "text"])
@pytest.mark.parametrize("said", ["", LONG, "😀 \x00\x1b[31m \u202e\u2028 "], ids=["short", "long", "odd"])
def test_a_judge_is_asked_about_hard_texts(step: Context, form: str, said: str) -> None:
    """Whatever the texts are, and whatever the judge says before its score."""
    endpoint = InstantEndpoint(lambda _prompt: f"{said}\nScore: 2")
    outputs = asked([*TEXTS, "", " \n"], [USUAL])
    references = asked([USUAL], TEXTS[1:])
    try:
        judge = LlmJudge(JudgeOptions(url=endpoint.url, form=form, prompt="{rubric} {reference} {output}"))
        found = [*judge.evaluate(step, outputs), *judge.evaluate(step, references)]
    finally:
        endpoint.close()

    assert [one.index for one in (*outputs, *references)] == [score.index for score in found]
    assert [{"judge": 2}] * len(found) == [score.scores for score in found if isinstance(score, Scored)]
    assert len(found) == len(endpoint.prompts)


def test_a_judge_is_not_asked_without_a_reference(step: Context) -> None:
    """Where its prompt shows one that is not there or no text; an answer of 20,000 words without a score is no score."""
    endpoint = InstantEndpoint(lambda _prompt: LONG)
    missing = [None, [], ["x", None], {"a": 1}, MISSING]
    try:
        judge = LlmJudge(JudgeOptions(url=endpoint.url, prompt="{rubric} {reference} {output}"))
        (unread, *errors) = judge.evaluate(step, asked([LONG], [USUAL, *missing]))
    finally:
        endpoint.close()

    assert getattr(unread, "error", "").startswith("the judge's last line is not a score: 'word and another")
    assert isinstance(unread, Unscored)
    assert LONG.strip() == unread.notes["judgment"].strip()
    assert len(missing) == len(errors)
    assert all("which the judge's prompt shows" in getattr(error, "error", "") for error in errors)
    assert 1 == len(endpoint.prompts)
