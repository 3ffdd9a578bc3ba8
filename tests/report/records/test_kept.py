"""Packed records are kept in the store, for the next report of the same samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress
from llmops_sdk.plugin import Run
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.report import boards
from llmops_sdk.report.collect import report_run
from llmops_sdk.report.records import kept
from llmops_sdk.report.records.pages import Candidates, PackedRecords, inflate, pack_records
from llmops_sdk.report.records.streams import SideBySide
from llmops_sdk.values.serial import digest

from ..samples import METRICS, one_cell, sample

FORM = "fields, prompts, answers; index and chunks"


@pytest.fixture(name="packed")
def _packed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The datasets whose records are packed during the test; ten records are many."""
    datasets: list[str] = []

    def noted(board: Any, *arguments: Any, **named: Any) -> PackedRecords:
        datasets.append(board.dataset)
        return pack_records(board, *arguments, **named)

    monkeypatch.setattr(boards, "pack_records", noted)
    monkeypatch.setattr(kept, "MANY", 10)
    return datasets


@pytest.fixture(name="run")
def _run(home: Path, registry: Registry, tmp_path: Path, packed: list[str]) -> Run:  # noqa: ARG001 - its own cache, and noted
    return run_again(LocalStore(tmp_path / "runs"), registry)


def run_again(store: LocalStore, registry: Registry, *evaluators: str) -> Run:
    """Run a pipeline of ten records, with further evaluators."""
    pipeline = Pipeline.builder("kept").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    for evaluator in ("echo-score", *evaluators):
        pipeline = pipeline.with_evaluator(evaluator)
    return pipeline.run(store=store, registry=registry, progress=Progress()).run


def records_of(run: Run) -> list[bytes]:
    """The lines of a run's report that have its records."""
    return records_in(run.read("report.html") or b"")


def records_in(page: bytes) -> list[bytes]:
    """The lines of a page that have its records."""
    return [line for line in page.splitlines() if b'<script type="text/plain"' in line]


def test_the_same_samples_are_packed_once(run: Run, registry: Registry, packed: list[str]) -> None:
    """A run that reuses them all, and a report that is written again, have the same records."""
    (kind,) = Path(run.store.uri, "artifacts", "report").iterdir()
    again = run_again(run.store, registry)  # type: ignore[arg-type] # a local store
    report_run(run)

    assert ["lines"] == packed
    assert records_of(run)
    assert records_of(run) == records_of(again)
    assert {"artifact.json", "records.txt"} == {path.name for path in kind.iterdir()}


def test_other_samples_are_packed(run: Run, registry: Registry, packed: list[str]) -> None:
    """One more metric changes the samples and what the page sorts by."""
    again = run_again(run.store, registry, "length")  # type: ignore[arg-type] # a local store

    assert ["lines", "lines"] == packed
    assert records_of(run) != records_of(again)


def test_damaged_records_are_packed_again(run: Run, packed: list[str]) -> None:
    """They are never shown, and kept again."""
    (path,) = Path(run.store.uri, "artifacts", "report").rglob("records.txt")
    sound, before = path.read_bytes(), records_of(run)
    path.write_bytes(sound[:-4])
    reopened = Run.open(run.store, run.id)
    report_run(reopened)

    assert ["lines", "lines"] == packed
    assert (sound, before) == (path.read_bytes(), records_of(run))


def test_changed_samples_are_put_back_before_they_are_shown(run: Run, packed: list[str]) -> None:
    """The page is not taken from the store while the run's own file differs."""
    path = Path(run.store.uri, "runs", run.id, "samples", "echo.bare.lines.jsonl")
    sound, before = path.read_bytes(), records_of(run)
    path.unlink()
    path.write_bytes(sound[:-10])
    report_run(Run.open(run.store, run.id))

    assert ["lines", "lines"] == packed
    assert (sound, before) == (path.read_bytes(), records_of(run))


def test_few_records_are_not_kept(
    home: Path,  # noqa: ARG001 - its own cache
    packed: list[str],  # noqa: ARG001 - after it
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    registry: Registry,
) -> None:
    """They are packed in no time, and would be one more file."""
    monkeypatch.setattr(kept, "MANY", 11)
    other = run_again(LocalStore(tmp_path / "others"), registry)

    assert records_of(other)
    assert not Path(other.store.uri, "artifacts", "report").exists()


def test_a_store_that_takes_nothing_has_its_report(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What cannot be kept is packed for the next report too."""
    for path in Path(run.store.uri, "artifacts", "report").rglob("*.*"):
        path.unlink()

    def refuse(*_: Any) -> None:
        message = "read-only"
        raise OSError(message)

    monkeypatch.setattr(LocalStore, "put", refuse)
    report_run(Run.open(run.store, run.id), tmp_path / "report.html")

    assert records_in((tmp_path / "report.html").read_bytes()) == records_of(run)


def test_the_form_of_records_is_that_of_its_name() -> None:
    """If this fails because records are packed in another way, give `FORM` another text, and this test its hash.

    Otherwise pages would show records that an earlier version has packed.
    """
    data = one_cell([sample(0, {"instruction": "i", "response": "r"}, "yes", scores={"meteor": 0.5})])
    (board,) = data.results.leaderboards
    records = pack_records(
        board, board.cells, SideBySide(data.samples), METRICS, Candidates(colours={"a": 0}), limit=10**6
    )

    packed = digest(inflate(records.index), [inflate(chunk) for chunk in records.chunks])
    assert (FORM, "fb56fb8b622a4fbe811fe5a912955fa0539debdb499b7a566b85ba4b255d6ff4") == (kept.FORM, packed)
