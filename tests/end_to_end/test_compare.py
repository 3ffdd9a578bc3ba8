"""Comparisons over what other parts of this project write: the tables of runs, and many records."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Result, compare


def _own_run(folder: Path, registry: Registry) -> Result:
    """Run three candidates over recorded answers: one is right, one refuses some records, one lacks some."""
    rows = [(f"line {place}", f"LINE {place}") for place in range(40)]
    for name, lines in {
        "right": [(asked, answer, "") for asked, answer in rows],
        "refusing": [
            (asked, "" if place % 4 == 0 else answer, "refused" if place % 4 == 0 else "")
            for place, (asked, answer) in enumerate(rows)
        ],
        "lacking": [
            (asked, answer.lower() if place % 3 else answer, "")
            for place, (asked, answer) in enumerate(rows)
            if place % 10
        ],
    }.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("prompt", "output", "error"), *lines])
    pipeline = Pipeline.builder("own").with_dataset("lines", records=40, test_fraction=1.0).with_prompt("bare")
    for name in ("right", "refusing", "lacking"):
        pipeline = pipeline.with_model("recorded", name=name, path=str(folder / f"{name}.csv"))
    pipeline = pipeline.with_evaluator("echo-score").with_reporter("table", path=str(folder / "table.csv"))
    return pipeline.run(store=LocalStore(folder / "runs"), progress=Progress(), registry=registry)


def test_the_table_of_a_run_has_the_verdict_of_the_run(tmp_path: Path, registry: Registry) -> None:
    """Also with a candidate's own failures, which count as the worst score, and with records that one lacks."""
    own = _own_run(tmp_path, registry)

    compared = compare(
        [tmp_path / "table.csv"],
        metric="exact",
        higher_is_better={"noise": False},
        store=LocalStore(tmp_path / "runs"),
        progress=Progress(),
        registry=registry,
    )

    (mine,), (other,) = own.leaderboards, compared.leaderboards
    assert mine.verdict.text == other.verdict.text.replace("exact", "Exact match")
    assert [cell.candidate for cell in mine.cells] == [cell.candidate for cell in other.cells]
    for ours, theirs in zip(mine.cells, other.cells, strict=True):
        assert ours.estimates["exact"] == theirs.estimates["exact"]
        assert (ours.failures, ours.missing) == (theirs.failures, theirs.missing)
    assert [test.adjusted_p_value for test in mine.pairs] == [test.adjusted_p_value for test in other.pairs]


@pytest.mark.slow
def test_many_records_are_compared(tmp_path: Path, registry: Registry) -> None:
    """10,000 records of four candidates; the best one is found."""
    numbers = random.Random(3)
    for candidate in range(4):
        with (tmp_path / f"c{candidate}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("id", "question", "answer", "score"))
            for place in range(10_000):
                score = min(1.0, max(0.0, numbers.gauss(0.5 + 0.02 * candidate, 0.2)))
                writer.writerow((place, f"question {place} " * 5, f"answer {candidate} {place} " * 10, round(score, 4)))

    result = compare(
        [tmp_path / f"c{candidate}.csv" for candidate in range(4)],
        store=LocalStore(tmp_path / "runs"),
        progress=Progress(),
        registry=registry,
    )

    assert "c3" == result.decision().best
    assert {10_000} == {cell.records for cell in result.leaderboards[0].cells}
