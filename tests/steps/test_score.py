"""Records whose reference cannot be used: they are left out of the means, and counted wherever the means are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Result
from llmops_sdk.cli.output.run import show_run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.testing import MemoryStore

ABSENT: Any = object()
GOOD = ("LINE 0", ["LINE 1", "another"], "LINE 2")
BAD: dict[str, Any] = {
    "is empty": "",
    "is empty (blank)": "  ",
    "is empty (list)": [],
    "must be text, not int": 7,
    "must be text, not int (list)": ["LINE 7", 7],
    "must be text, not dict": {"text": "LINE 8"},
    "has no reference field": ABSENT,
    "has no reference field (null)": None,
}


@pytest.fixture(name="pipeline")
def _pipeline(home: Path, tmp_path: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A model that repeats in capitals what is the reference of each record, where it has one that can be used."""
    lines = []
    for number, summary in enumerate((*GOOD, *BAD.values())):
        record = {"instruction": f"repeat {number}", "context": f"line {number}", "response": f"LINE {number}"}
        lines.append(json.dumps(record if summary is ABSENT else {**record, "summary": summary}) + "\n")
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    train.write_text(json.dumps({"instruction": "x", "context": "x", "response": "X"}) + "\n", encoding="utf-8")
    test.write_text("".join(lines), encoding="utf-8")
    return (
        Pipeline.builder("bad")
        .with_dataset("jsonl", path=str(train), test_path=str(test))
        .with_prompt("bare")
        .with_model("echo", fine_tune=False)
        .with_evaluator("echo-score")
    )


def run(pipeline: Pipeline, registry: Registry) -> Result:
    """Run in silence."""
    return pipeline.run(store=MemoryStore(), registry=registry, progress=Progress())


@pytest.mark.parametrize(("evaluator", "metric"), [("summarization-accuracy", "rougeL"), ("text-metrics", "token_f1")])
def test_unscored_records_are_counted(
    evaluator: str, metric: str, pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the results, in the report and under the terminal's table; each sample says why, and the mean is of the rest."""
    result = run(pipeline.with_evaluator(evaluator, metrics=[metric], reference="summary"), registry)

    (cell,) = result.leaderboards[0].cells
    assert {"echo-score": 0, evaluator: len(BAD)} == cell.unscored
    assert len(GOOD) + len(BAD) == cell.answered == cell.records == cell.estimates["exact"].records
    assert (len(GOOD), 1.0) == (cell.estimates[metric].records, cell.estimates[metric].mean)
    samples = list(result.run.samples(cell.cell))
    assert [{}] * len(GOOD) == [sample.score_errors for sample in samples[: len(GOOD)]]
    for sample, why in zip(samples[len(GOOD) :], BAD, strict=True):
        assert why.partition(" (")[0] in sample.score_errors[evaluator]
        assert {"exact", "noise"} == set(sample.scores)

    page = (result.run.store.get(f"runs/{result.run.id}/report.html") or b"").decode()
    assert f"{len(BAD)} unscored by <bdi>{evaluator}</bdi>" in page
    assert "unscored by <bdi>echo-score</bdi>" not in page

    show_run(result.run)
    lines = capsys.readouterr().out.splitlines()
    assert [f"echo: {len(BAD)} unscored by {evaluator}"] == [line for line in lines if "unscored" in line]


def test_scored_records_are_no_news(pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Where every record has its scores, neither report nor terminal speaks of it."""
    result = run(pipeline, registry)

    show_run(result.run)
    assert "unscored" not in capsys.readouterr().out
    page = (result.run.store.get(f"runs/{result.run.id}/report.html") or b"").decode()
    assert "unscored by" not in page
