"""The records of a comparison as a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.datasets.imported import ImportedDataset
from llmops_plugins.datasets.options import ImportedOptions
from llmops_sdk import DataError
from llmops_sdk.plugin import file_sha256
from llmops_sdk.testing import make_context


def test_records_are_taken_over_as_they_are(tmp_path: Path) -> None:
    """All of them are test records, in their order, with what must be known of them."""
    path = tmp_path / "records.jsonl"
    path.write_text('{"a": 1}\n{"a": 1}\n', encoding="utf-8")
    dataset = ImportedDataset(ImportedOptions(path=str(path), group="a", caveat="Two."))
    context = make_context(tmp_path / "step")

    splits = dataset.load(context)

    assert [{"a": 1}, {"a": 1}] == list(splits.test)
    assert (0, 2, "a", "Two.") == (splits.train.records, splits.test.records, splits.group, splits.caveat)
    assert file_sha256(path) == splits.test.sha256 == dataset.fingerprint(context)
    assert context.folder in splits.test.path.parents


def test_a_file_that_is_gone_is_one_line(tmp_path: Path) -> None:
    """As for any data file."""
    with pytest.raises(DataError, match="does not exist"):
        ImportedDataset(ImportedOptions(path=str(tmp_path / "none"))).fingerprint(make_context(tmp_path))
