"""Scores that came with recorded answers are taken over as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.recorded.options import RecordedScoresOptions
from llmops_plugins.recorded.scores import RecordedScores
from llmops_sdk import LocalStore, Pipeline, Progress, Registry, SpecError
from llmops_sdk.plugin import Answer, Generation, Metric, Scored, TextPrompt, Unscored
from llmops_sdk.testing import make_context

from .rows import write_jsonl


def test_each_answer_has_the_scores_that_it_came_with(tmp_path: Path) -> None:
    """A metric that it lacks is left out; an answer without any cannot be scored."""
    evaluator = RecordedScores(RecordedScoresOptions(metrics=(Metric("m"), Metric("n")), origin={"grader": "v2"}))
    answers = [Answer("x", scores={"m": 1.0, "n": 0.5, "other": 3.0}), Answer("y", scores={"n": 0.25}), Answer("z")]
    generations = [Generation(place, {}, TextPrompt("?"), answer) for place, answer in enumerate(answers)]

    scores = list(evaluator.evaluate(make_context(tmp_path), generations))

    assert [
        Scored(0, {"m": 1.0, "n": 0.5}),
        Scored(1, {"n": 0.25}),
        Unscored(2, "no score came with the answer"),
    ] == scores
    assert (Metric("m"), Metric("n")) == evaluator.metrics
    assert {"grader": "v2"} == evaluator.provenance(make_context(tmp_path))


def _pipeline(folder: Path, rows: list[dict[str, Any]], **options: Any) -> Pipeline:
    path = write_jsonl(folder / "old.jsonl", rows)
    metrics = [{"name": "quality", "label": "Quality", "bounds": [0, 1]}]
    return (
        Pipeline.builder("recorded")
        .with_dataset("lines", records=3, test_fraction=1.0)
        .with_prompt("bare")
        .with_model(
            "recorded", name="old", path=str(path), input="prompt", scores={"quality": "judge.score"}, **options
        )
        .with_evaluator("recorded-scores", metrics=metrics)
    )


def test_a_file_may_have_scores_and_no_answers(tmp_path: Path, registry: Registry) -> None:
    """They decide like any metric, and no answer counts as empty; a row that was lost is missing, not failed."""
    rows: list[dict[str, Any]] = [{"prompt": f"line {place}", "judge": {"score": place / 2}} for place in range(3)]
    rows[2] = {"prompt": "line 2", "error": "HTTP 502", "is_missing": True}

    result = _pipeline(tmp_path, rows).run(store=LocalStore(tmp_path / "runs"), progress=Progress(), registry=registry)

    (cell,) = result.leaderboards[0].cells
    assert (2, 1, 0, {}) == (cell.answered, cell.missing, cell.empty, cell.failures)
    assert 0.25 == cell.estimates["quality"].mean
    assert "judge.score" == cell.endpoint["scores_in"]
    assert "HTTP 502" in next(sample.error for sample in result.records() if sample.error)


def test_a_score_that_is_text_fails_the_step(tmp_path: Path, registry: Registry) -> None:
    """The error names the line."""
    rows = [{"prompt": "line 0", "judge": {"score": "good"}}]

    pipeline = _pipeline(tmp_path, rows)

    from llmops_sdk import UserError

    with pytest.raises(UserError, match=r"line 1|row 1|record 1") as raised:
        pipeline.run(store=LocalStore(tmp_path / "runs"), progress=Progress(), registry=registry)
    assert "has no usable score of 'quality' in 'judge.score': 'good' is no number" in str(raised.value)


def test_the_metrics_are_checked_before_a_run(registry: Registry) -> None:
    """None at all, and bounds in the wrong order."""
    builder = Pipeline.builder("x").with_model("echo", fine_tune=False)

    with pytest.raises(SpecError, match="metrics is empty; name at least one"):
        builder.with_evaluator("recorded-scores", metrics=[]).build(registry)
    with pytest.raises(SpecError, match="the bounds of metric 'm' are two finite numbers"):
        builder.with_evaluator("recorded-scores", metrics=[{"name": "m", "bounds": [1, 0]}]).build(registry)
