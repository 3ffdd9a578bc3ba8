"""Records that depend on each other have one label."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmops_sdk.plugin import DatasetSplits, Record, Split, file_sha256
from llmops_sdk.steps.cell.clusters import read_clusters


def splits_of(folder: Path, records: list[Record], group: str) -> DatasetSplits:
    """Splits with these test records."""
    path = folder / "test.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    split = Split(path, len(records), file_sha256(path))
    return DatasetSplits(split, split, group=group)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["a", "b", "a", "c"], [0, 1, 0, 2]),
        ([1, "1", 1, True], [0, 1, 0, 2]),
        ([None, "a", None, "a"], [0, 1, 2, 1]),
        ([{"id": 1}, {"id": 1}, [1], [1]], [0, 0, 1, 1]),
    ],
)
def test_records_with_the_same_value_are_one_cluster(values: list[object], labels: list[int], tmp_path: Path) -> None:
    """Of any kind; one without a value is on its own."""
    records: list[Record] = [{"instruction": "?", "meta": {"document": value}} for value in values]

    clusters = read_clusters(splits_of(tmp_path, records, "meta.document"))

    assert clusters is not None
    assert labels == clusters.tolist()


def test_groups_of_one_are_no_clusters(tmp_path: Path) -> None:
    """Nor is a dataset without a group."""
    records: list[Record] = [{"document": "a"}, {"document": "b"}, {}]

    assert read_clusters(splits_of(tmp_path, records, "document")) is None
    assert read_clusters(splits_of(tmp_path, records, "")) is None
