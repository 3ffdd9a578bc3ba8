"""Whole runs in which a metric of short answers decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Progress, Result
from llmops_sdk.cli.output.run import show_run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.report.collect import report_run
from llmops_sdk.values.prompts import TextPrompt

LABELS = ("billing", "delivery", "other")


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


@pytest.fixture(name="result")
def _result(tmp_path: Path, home: Path, registry: Registry) -> Result:  # noqa: ARG001 - nothing is cached outside the test
    """Recorded answers of two models to 60 tickets: one has 6 of them wrong, the other 24, one of these without a label."""
    tickets = [{"instruction": f"ticket {number}", "response": LABELS[number % 3]} for number in range(60)]
    careful, hasty = [], []
    for number, ticket in enumerate(tickets):
        label, wrong = ticket["response"], LABELS[(number + 1) % 3]
        careful.append(
            {"prompt": ticket["instruction"], "answer": f"Label: {(wrong if number % 10 == 0 else label).title()}."}
        )
        hasty.append({"prompt": ticket["instruction"], "answer": wrong if number % 5 < 2 else label})
    hasty[0]["answer"] = "I do not know."
    pipeline = (
        Pipeline.builder("tickets")
        .with_dataset("jsonl", name="tickets", path=write(tmp_path / "tickets.jsonl", tickets), test_fraction=1.0)
        .with_model("recorded", name="careful", path=write(tmp_path / "careful.jsonl", careful))
        .with_model("recorded", name="hasty", path=write(tmp_path / "hasty.jsonl", hasty))
        .with_evaluator("classification", labels=list(LABELS))
        .with_evaluator("match", ignore_case=True)
    )
    return pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress())


def test_the_right_label_decides(result: Result) -> None:
    """An answer without a label counts as wrong."""
    (board,) = result.leaderboards
    careful, hasty = board.cells

    assert ("label_accuracy", "careful", True) == (board.metric, board.verdict.best, board.verdict.settled)
    assert (0.9, 0.6) == (careful.estimates["label_accuracy"].mean, hasty.estimates["label_accuracy"].mean)
    assert {"label_accuracy": 1} == hasty.failures


def test_macro_f1_and_the_confusion_are_in_the_results(result: Result) -> None:
    """Computed by hand from the answers; they are read back as they were written."""
    careful, hasty = result.leaderboards[0].cells
    summary = careful.summaries["classification"]
    counts = summary.tables[0]

    assert (LABELS, LABELS) == (counts.rows, counts.columns)
    assert ((18.0, 2.0, 0.0), (0.0, 18.0, 2.0), (2.0, 0.0, 18.0)) == counts.values
    assert pytest.approx(0.9) == {value.name: value.value for value in summary.values}["macro_f1"]
    assert "(no label)" in hasty.summaries["classification"].tables[0].columns
    assert 60 == sum(map(sum, hasty.summaries["classification"].tables[0].values))
    assert "match" not in careful.summaries
    stored = json.loads((Path(result.run.locate("results.json"))).read_text(encoding="utf-8"))
    assert stored["leaderboards"][0]["cells"][0]["summaries"]["classification"]["tables"][0]["values"] == [
        [18.0, 2.0, 0.0],
        [0.0, 18.0, 2.0],
        [2.0, 0.0, 18.0],
    ]


def test_they_are_shown_and_reported(result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the means, with the words that they do not decide."""
    show_run(result.run)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["candidate", "Macro", "F1", "Macro", "precision", "Macro", "recall", "Balanced", "accuracy"] in lines
    assert ["billing", "18", "2", "0"] in lines

    page = Path(report_run(result.run, tmp_path / "report.html")).read_text(encoding="utf-8")
    assert "describe and do not decide" in page
    assert "True label (rows) and the answer" in page
    assert "(no label)" in page


def choices(tmp_path: Path) -> str:
    """Ten questions with two choices; the test model finds a text likelier the shorter its words are."""
    rows = [
        {"instruction": f"Capital {number}?", "choices": ["Rome", "Oslo, in Norway"], "response": int(number % 5 == 0)}
        for number in range(10)
    ]
    return write(tmp_path / "capitals.jsonl", rows)


def test_the_likeliest_choice_decides(tmp_path: Path, home: Path, registry: Registry) -> None:  # noqa: ARG001 - nothing is cached outside the test
    """The prompt is asked alone and with each choice after it; the template's text comes before the choice."""
    result = (
        Pipeline.builder("capitals")
        .with_dataset("jsonl", name="capitals", path=choices(tmp_path), test_fraction=1.0)
        .with_prompt("plain")
        .with_model("echo", fine_tune=False)
        .with_evaluator("choice-likelihood")
        .run(store=tmp_path / "runs", registry=registry, progress=Progress())
    )
    (cell,) = result.leaderboards[0].cells
    sample = next(result.run.samples(cell.cell))
    prompt, rome, oslo = (probe.prompt for probe in sample.probes["choice-likelihood"])

    assert ("acc", 0.8) == (result.leaderboards[0].metric, cell.estimates["acc"].mean)
    assert isinstance(prompt, TextPrompt)
    assert (TextPrompt(f"{prompt.text} Rome"), TextPrompt(f"{prompt.text} Oslo, in Norway")) == (rome, oslo)


def test_a_chat_has_no_likeliest_choice(tmp_path: Path, home: Path, registry: Registry) -> None:  # noqa: ARG001 - nothing is cached outside the test
    """The candidate fails on every record, with the reason."""
    result = (
        Pipeline.builder("capitals")
        .with_dataset("jsonl", name="capitals", path=choices(tmp_path), test_fraction=1.0)
        .with_prompt("chat")
        .with_model("echo", fine_tune=False)
        .with_evaluator("choice-likelihood", metrics=["acc"])
        .run(store=tmp_path / "runs", registry=registry, progress=Progress())
    )
    (cell,) = result.leaderboards[0].cells

    assert (0.0, {"acc": 10}) == (cell.estimates["acc"].mean, cell.failures)
    assert "the probability of a chat cannot be requested" in cell.reasons["choice-likelihood"]
