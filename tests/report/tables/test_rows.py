"""The tidy rows of a run: states, counts, groups, hashes, repeats and seeds; streaming."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Registry, Result, RunNotFoundError
from llmops_sdk.plugin import Run, digest
from llmops_sdk.report.tables.rows import Row, read_answers, read_rows, row_columns


def test_every_record_candidate_and_metric_is_a_row(states: Result) -> None:
    """With the record, the candidate, the answer, the score and its state."""
    rows = list(read_rows(states.run))

    assert 6 * 2 * 2 == len(rows) == len({(row.record_hash, row.record, row.candidate, row.metric) for row in rows})
    row = next(row for row in rows if (row.candidate, row.record, row.metric) == ("old", 0, "quality"))
    sample = next(states.records("old"))
    assert (
        Row(
            run=states.run.id,
            dataset="says",
            record=0,
            record_hash=digest(sample.record),
            group="0",
            candidate="old",
            model="old",
            prompt="chat",
            fine_tuned=False,
            seed=None,
            repeat=0,
            metric="quality",
            score=1.0,
            state="scored",
            counted=1.0,
            answer="good",
            latency=0.25,
            prompt_tokens=None,
            output_tokens=None,
            cost=None,
            error="",
        )
        == row
    )


@pytest.mark.parametrize(
    ("answer", "metric", "expected"),
    [
        ("good", "quality", ("scored", 1.0, 1.0, "")),
        ("partial", "quality", ("scored", 0.5, 0.5, "")),
        ("partial", "cost", ("undefined", None, None, "cost: no price")),
        ("unusable", "quality", ("failed", None, 0.0, "no JSON")),
        ("unusable", "cost", ("failed", None, 9.0, "no JSON")),
        ("undefined", "cost", ("undefined", None, None, "no reference")),
        ("pending", "cost", ("pending", None, None, "the judge is busy")),
    ],
)
def test_the_state_of_a_score(
    states: Result, answer: str, metric: str, expected: tuple[str, float | None, float | None, str]
) -> None:
    """A candidate's own failure counts as the worst score, by the metric's direction; nothing else without a score counts."""
    row = next(row for row in read_rows(states.run) if (row.answer, row.metric) == (answer, metric))

    assert expected == (row.state, row.score, row.counted, row.error)


def test_a_record_that_recorded_answers_lack_is_missing(states: Result) -> None:
    """It is no failure of the candidate."""
    missing = [row for row in read_rows(states.run) if row.state == "missing"]

    assert [("late", 0, None, None)] * 2 == [(row.candidate, row.record, row.answer, row.counted) for row in missing]
    assert "'late.jsonl' has no answer for this record (id 0)" == missing[0].error


def test_the_counts_are_those_of_the_results(states: Result) -> None:
    """Failures, pending and missing scores are counted alike; records of one group have one text."""
    counts = Counter((row.candidate, row.metric, row.state) for row in read_rows(states.run))

    for cell in states.leaderboards[0].cells:
        assert cell.failures.get("quality", 0) == counts[cell.candidate, "quality", "failed"] == 1
        assert cell.pending_scores.get("choosy", 0) == counts[cell.candidate, "quality", "pending"] == 1
        assert cell.missing == counts[cell.candidate, "quality", "missing"]
    assert {"0", "1"} == {row.group for row in read_rows(states.run)}


def test_repeats_and_seeds_have_rows_of_their_own(registry: Registry, tmp_path: Path) -> None:
    """Of a recipe, one for each checkpoint; the mean of what counts is the mean of the leaderboard."""
    result = (
        Pipeline.builder("echo")
        .with_dataset("lines", records=20)
        .with_prompt("bare")
        .with_model("echo", name="tuned", trainer={"voice": "unsteady", "seeds": [1, 2]})
        .with_evaluator("echo-score")
        .with_generation(repeats=2)
        .run(store=tmp_path, registry=registry, progress=Progress())
    )

    rows = [row for row in read_rows(result.run) if row.metric == "exact"]

    assert Counter({(seed, repeat): 10 for seed in (1, 2) for repeat in (0, 1)}) == Counter(
        (row.seed, row.repeat) for row in rows
    )
    assert {True} == {row.fine_tuned for row in rows}
    mean = sum(row.counted or 0.0 for row in rows) / len(rows)
    assert result.leaderboards[0].cells[0].estimates["exact"].mean == pytest.approx(mean)


def test_a_run_without_results_has_no_rows(registry: Registry, tmp_path: Path) -> None:
    """The error names how to finish it."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    result = pipeline.with_evaluator("echo-score").run(store=tmp_path, registry=registry, progress=Progress())
    unfinished = Run.create(result.run.store, result.run.plan)

    with pytest.raises(RunNotFoundError, match="has no results yet"):
        next(read_rows(unfinished))


def test_columns_have_the_types_of_their_values() -> None:
    """A value that may be None has the type of the others."""
    columns = row_columns(Row)

    assert [("run", str), ("record", int), ("fine_tuned", bool), ("seed", int), ("score", float)] == [
        (name, columns[name]) for name in ("run", "record", "fine_tuned", "seed", "score")
    ]


def test_memory_does_not_grow_with_the_records(registry: Registry, tmp_path: Path) -> None:
    """A line is read at a time."""

    def peak(records: int) -> int:
        pipeline = Pipeline.builder("echo").with_dataset("lines", records=2 * records).with_prompt("bare")
        pipeline = pipeline.with_model("echo", voice="direct", fine_tune=False).with_evaluator("echo-score")
        run = pipeline.run(store=tmp_path / str(records), registry=registry, progress=Progress()).run
        next(read_answers(run))
        tracemalloc.start()
        assert records == sum(1 for _ in read_answers(run))
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(2000) < 2 * peak(200)
