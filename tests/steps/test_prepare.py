"""The `prepare` step: data errors are found before any training or request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_sdk import Pipeline
from llmops_sdk.plugin import Context, DatasetCard, DatasetSource, DatasetSplits, Failed, Split, hookimpl
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
