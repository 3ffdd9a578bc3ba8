"""Records that depend on each other have one label."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
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

    clusters = read_clusters(splits_of(tmp_path, records, "meta.document")).labels

    assert clusters is not None
    assert labels == clusters.tolist()


def test_groups_of_one_are_no_clusters(tmp_path: Path) -> None:
    """Which is stated. A dataset without a group has none, and needs no words."""
    records: list[Record] = [{"document": "a"}, {"document": "b"}, {}]

    alone, none = (read_clusters(splits_of(tmp_path, records, group)) for group in ("document", ""))

    assert (alone.labels, none.labels) == (None, None)
    assert "Each test record has a document of its own, so records are compared one by one." == alone.caveat
    assert not none.caveat


def test_what_must_be_known_of_groups_is_stated(tmp_path: Path) -> None:
    """That some records have none, and that they are few."""
    few: list[Record] = [{"document": place % 3} for place in range(6)]
    many: list[Record] = [{"document": place % 10} for place in range(20)]
    some: list[Record] = [*few, {}]

    caveats = [read_clusters(splits_of(tmp_path, records, "document")).caveat for records in (few, many, some)]

    assert [
        "The 6 test records are only 3 groups by document, and so few groups show little.",
        "",
        "1 of 7 test records has no document; each of them counts as a group of its own.",
    ] == caveats


@pytest.mark.parametrize("group", ["", "document"])
def test_what_a_dataset_states_is_a_caveat(group: str, tmp_path: Path) -> None:
    """Before that of the groups."""
    records: list[Record] = [{"document": 1}, {"document": 2}, {"document": 2}]
    splits = attrs.evolve(splits_of(tmp_path, records, group), caveat="Two rows are left out.")

    assert read_clusters(splits).caveat.startswith("Two rows are left out.")
    assert bool(group) == ("only 2 groups" in read_clusters(splits).caveat)
