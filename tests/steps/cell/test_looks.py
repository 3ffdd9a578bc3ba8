"""From which look on each record is asked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from llmops_sdk.plugin import DatasetSplits, Split, file_sha256
from llmops_sdk.steps.cell.looks import look_of_records, planned_looks
from llmops_sdk.verdict.statistics.looks import even_looks


def splits_of(folder: Path, records: int, group: str = "", word: str = "") -> DatasetSplits:
    """Splits with numbered test records, three of which share a document."""
    path = folder / f"{word}test.jsonl"
    rows = ({"instruction": f"{word}{number}", "document": number // 3} for number in range(records))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    split = Split(path, records, file_sha256(path))
    return DatasetSplits(split, split, group=group)


@pytest.mark.parametrize(("records", "counts"), [(90, [30, 30, 30]), (20, [7, 7, 6]), (2, [1, 1, 0]), (1, [1, 0, 0])])
def test_each_look_has_its_share(records: int, counts: list[int], tmp_path: Path) -> None:
    """At least its share of all records by then; the last look has all."""
    looks = Counter(look_of_records(splits_of(tmp_path, records), even_looks(3)))

    assert counts == [looks[number] for number in (1, 2, 3)]


def test_the_order_is_random_and_fixed(tmp_path: Path) -> None:
    """It depends on the records alone: the same for every run, another one for other records."""
    first = look_of_records(splits_of(tmp_path, 90), even_looks(3))

    assert first == look_of_records(splits_of(tmp_path, 90), even_looks(3))
    assert first != look_of_records(splits_of(tmp_path, 90, word="other "), even_looks(3))
    assert 1 < first[:30].count(1) < 30


def test_more_looks_have_the_same_order(tmp_path: Path) -> None:
    """What is asked by a look contains what another number of looks asks by an earlier one."""
    splits = splits_of(tmp_path, 90)
    two, three = (look_of_records(splits, even_looks(number)) for number in (2, 3))

    by_a_third = {index for index, look in enumerate(three) if look == 1}
    assert by_a_third < {index for index, look in enumerate(two) if look == 1}


def test_groups_are_not_divided(tmp_path: Path) -> None:
    """All records of a document are asked from the same look on."""
    looks = look_of_records(splits_of(tmp_path, 90, group="document"), even_looks(3))

    assert all(len(set(looks[start : start + 3])) == 1 for start in range(0, 90, 3))
    assert {1: 30, 2: 30, 3: 30} == Counter(looks)


def test_planned_looks_have_levels(tmp_path: Path) -> None:
    """Almost nothing is spent at the first of them."""
    looks = planned_looks(splits_of(tmp_path, 30), even_looks(2))

    assert [0.0031, 0.049] == [round(level, 4) for level in looks.levels]
    assert [15, 30] == [int(looks.records(number).sum()) for number in (1, 2)]
