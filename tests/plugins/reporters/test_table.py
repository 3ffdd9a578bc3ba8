"""The reporter `table`: what it writes is what the rows of the run are, in all three formats."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import attrs
import pytest

from llmops_sdk import Pipeline, Progress, Registry, Result, SpecError
from llmops_sdk.plugin import CandidateRow, Row, read_candidates, read_rows, row_columns

from .conftest import Report


def test_jsonl_has_the_rows(states: Result, report: Report) -> None:
    """One JSON object a line; numbers are numbers and nothing is null."""
    assert ["wrote t.jsonl", "wrote t-candidates.jsonl"] == report(states.run, "table", path="t.jsonl")

    scores = [Row(**json.loads(line)) for line in Path("t.jsonl").read_text(encoding="utf-8").splitlines()]
    candidates = [
        CandidateRow(**json.loads(line)) for line in Path("t-candidates.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert list(read_rows(states.run)) == scores
    assert list(read_candidates(states.run)) == candidates


def test_parquet_has_the_rows(states: Result, report: Report, needs: Callable[..., None]) -> None:
    """With the types of the columns, also of one that is empty throughout."""
    needs("pyarrow")
    parquet = import_module("pyarrow.parquet")

    report(states.run, "table", path="t.parquet", candidates="c.parquet")

    table = parquet.read_table("t.parquet")
    assert list(read_rows(states.run)) == [Row(**row) for row in table.to_pylist()]
    assert list(row_columns(Row)) == table.schema.names
    assert ("int64", "double", "bool") == tuple(
        str(table.schema.field(name).type) for name in ("seed", "cost", "fine_tuned")
    )
    candidates = parquet.read_table("c.parquet").to_pylist()
    assert list(read_candidates(states.run)) == [CandidateRow(**row) for row in candidates]


def test_csv_has_the_rows(states: Result, report: Report) -> None:
    """UTF-8 without a mark; what is null is empty; texts with line breaks and quotes come back."""
    report(states.run, "table", path="t.csv")

    data = Path("t.csv").read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    with Path("t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [attrs.asdict(row) for row in read_rows(states.run)]
    assert [
        {
            name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in row.items()
        }
        for row in expected
    ] == rows


def test_by_default_both_are_in_the_record(result: Result, report: Report) -> None:
    """As CSV, which needs no library; repeated, they are replaced."""
    for _ in range(2):
        lines = report(result.run, "table")

    assert [f"wrote {result.run.locate(name)}" for name in ("scores.csv", "scores-candidates.csv")] == lines
    assert (result.run.read("scores.csv") or b"").startswith(b"run,dataset,record,")
    assert b"step generate.none failed" in (result.run.read("scores-candidates.csv") or b"")


def test_texts_of_all_kinds_come_back(registry: Registry, tmp_path: Path, report: Report) -> None:
    """Quotes, line breaks, separators, right-to-left text and empty answers."""
    texts = [
        'a "quoted", b',
        "line\nbreak\r\nand tab\t",
        "a\u2028\u2029\x85b",
        "\u05e9\u05dc\u05d5\u05dd \U0001f600",
        "=1+1",
    ]
    data = tmp_path / "data.jsonl"
    data.write_text(
        "".join(json.dumps({"instruction": "x", "context": text, "response": text}) + "\n" for text in texts),
        encoding="utf-8",
    )
    run = (
        Pipeline.builder("echo")
        .with_dataset("file", path=str(data), test_fraction=1.0)
        .with_prompt("bare")
        .with_model("echo", voice="quiet", fine_tune=False)
        .with_evaluator("echo-score")
        .run(store=tmp_path / "runs", registry=registry, progress=Progress())
        .run
    )

    report(run, "table", path="t.csv")
    report(run, "table", path="t.jsonl")

    with Path("t.csv").open(encoding="utf-8", newline="") as file:
        answers = [row["answer"] for row in csv.DictReader(file)]
    with Path("t.jsonl").open(encoding="utf-8", newline="\n") as lines:
        assert answers == [json.loads(line)["answer"] for line in lines]
    assert answers == [row.answer for row in read_rows(run)]


@pytest.mark.parametrize("path", ["scores.xlsx", "scores"])
def test_another_ending_is_refused_before_the_run(registry: Registry, path: str) -> None:
    """The message lists those that there are."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)

    with pytest.raises(SpecError, match=r"path ends with .parquet, .jsonl or .csv, which is the format, not 'scores"):
        pipeline.with_evaluator("echo-score").with_reporter("table", path=path).build(registry=registry)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_memory_does_not_grow_with_the_records(registry: Registry, tmp_path: Path, report: Report, ending: str) -> None:
    """Rows are written one by one."""

    def peak(records: int) -> int:
        pipeline = Pipeline.builder("echo").with_dataset("lines", records=2 * records).with_prompt("bare")
        pipeline = pipeline.with_model("echo", voice="direct", fine_tune=False).with_evaluator("echo-score")
        run = pipeline.run(store=tmp_path / str(records), registry=registry, progress=Progress()).run
        report(run, "table", path=f"warm.{ending}")
        tracemalloc.start()
        report(run, "table", path=f"t.{ending}")
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(1500) < 2 * peak(150)
