"""The `prepare` step: data errors are found before any training or request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline
from llmops_sdk.plugin import Context, DatasetCard, DatasetSource, DatasetSplits, Failed, Split, Succeeded, hookimpl
from llmops_sdk.plugin.registry import Registry

from . import conftest


def test_a_missing_field_fails_before_any_training(pipeline: Pipeline, run: conftest.Run, asked: list[str]) -> None:
    """The error names the prompt, the field and the record."""
    result = run(pipeline.with_prompt("template", prompt="{subject}", completion="{response}"))

    record = result.run.record("prepare.lines")
    assert isinstance(record, Failed)
    assert "record 0 of dataset 'lines' (prompt 'template') has no field 'subject'" in record.error
    assert [] == asked


class Written(DatasetSource):
    """Writes the splits of its class, without checks."""

    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def load(self, context: Context) -> DatasetSplits:
        """Write them."""
        return DatasetSplits(
            self._write(context.folder / "train.jsonl", self.train),
            self._write(context.folder / "test.jsonl", self.test),
        )

    def _write(self, path: Path, contexts: tuple[str, ...]) -> Split:
        lines = [json.dumps({"context": context, "response": context.upper()}) + "\n" for context in contexts]
        path.write_text("".join(lines), encoding="utf-8")
        return Split(path, len(contexts), sha256="".join(contexts))


class WrittenPlugin:
    """Offers the dataset."""

    @hookimpl
    def llmops_cards(self) -> tuple[DatasetCard, ...]:
        """Return its card."""
        return (DatasetCard(name="written", summary="written", load=f"{__name__}:Written"),)


@pytest.mark.parametrize(
    ("train", "test", "error"),
    [
        ((), (), "dataset 'written' has no test records; raise test_fraction or add data"),
        (("a", "b"), ("c", "b"), "train record 1 of dataset 'written' is also its test record 1; a score on it would prove nothing"),
    ],
)  # fmt: skip
def test_splits_of_a_plugin_are_checked(
    train: tuple[str, ...],
    test: tuple[str, ...],
    error: str,
    run: conftest.Run,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
) -> None:
    """Whatever a source writes: there are test records, and none of them is a train record."""
    registry.add("written", WrittenPlugin())
    monkeypatch.setattr(Written, "train", train)
    monkeypatch.setattr(Written, "test", test)
    pipeline = Pipeline.builder("p").with_dataset("written").with_prompt("bare")

    result = run(pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score"))

    record = result.run.record("prepare.written")
    assert isinstance(record, Failed)
    assert error == record.error


def _rows(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def _asking(dataset: dict[str, Any]) -> Pipeline:
    pipeline = Pipeline.builder("p").with_dataset("jsonl", **dataset).with_prompt("bare")
    return pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")


def test_all_records_are_asked_where_no_model_is_fine_tuned(run: conftest.Run, tmp_path: Path, home: Path) -> None:  # noqa: ARG001 - nothing is cached outside the test
    """Also with one file as both splits, and of a single row."""
    path = _rows(tmp_path / "rows.jsonl", [{"instruction": "a", "context": "c", "response": "C"}])
    for options in ({}, {"test_fraction": 1.0}, {"split": "none"}, {"test_path": path}):
        result = run(_asking({"path": path, **options}))
        splits = next(iter(result.leaderboards)).cells
        assert [1] == [cell.records for cell in splits]


def test_a_record_without_a_reference_is_asked(
    run: conftest.Run,
    tmp_path: Path,
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
) -> None:
    """The prompt needs no field of the completion."""
    path = _rows(tmp_path / "rows.jsonl", [{"instruction": "a", "context": f"c{n}"} for n in range(3)])
    result = run(_asking({"path": path}))
    (step,) = (step for step in result.run.plan.steps if step.name.startswith("prepare."))
    assert isinstance(result.run.record(step.name), Succeeded)


def test_near_duplicates_are_recorded_and_logged(
    run: conftest.Run,
    tmp_path: Path,
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
) -> None:
    """With examples of both sides."""
    text = "a long text about the weather in the mountains, which is often worse than in the valley below"
    train = [{"instruction": "Summarize.", "context": text, "response": "r"}]
    path, test = (
        _rows(tmp_path / "a.jsonl", train),
        _rows(tmp_path / "b.jsonl", [{**train[0], "context": text.upper()}]),
    )
    pipeline = Pipeline.builder("p").with_dataset("jsonl", path=path, test_path=test).with_prompt("bare")
    result = run(pipeline.with_model("echo").with_evaluator("echo-score"))
    (step,) = (step for step in result.run.plan.steps if step.name.startswith("prepare."))
    record = result.run.record(step.name)
    assert isinstance(record, Succeeded)
    artifact = result.run.artifact(record.artifacts["data"])
    assert artifact is not None
    splits = artifact.read(DatasetSplits)
    assert ("1 of 1 test records", 1) == (splits.source["near_duplicates"], splits.near_duplicates.similar)
    assert [(0, 0, 1.0)] == [
        (example.test, example.train, example.similarity) for example in splits.near_duplicates.examples
    ]
