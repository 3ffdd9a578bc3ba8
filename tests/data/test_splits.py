from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.data.splits import write_splits
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import DatasetSplits, Record
from llmops_sdk.values.serial import file_sha256

SEED_42 = [6, 7, 8, 9, 15, 16]
SHA_42 = "946d08a61ad714c1cd822bcfd650433dc8d39f6351308cc3c37e3b01ffb4cc01"


def _rows(count: int, start: int = 0) -> Callable[[], Iterator[Record]]:
    def rows() -> Iterator[Record]:
        for number in range(start, start + count):
            yield {"instruction": f"do {number}", "context": f"text {number}", "response": f"answer {number}"}

    return rows


def _numbers(records: Any) -> list[int]:
    return [int(record["instruction"].removeprefix("do ")) for record in records]


def test_a_split_is_a_partition_in_the_order_of_the_rows(tmp_path: Path) -> None:
    """Every row is in one split, the test split has the fraction rounded up, and both keep the rows' order."""
    splits = write_splits(tmp_path, _rows(101), test_fraction=0.1, seed=1)
    train, test = _numbers(splits.train), _numbers(splits.test)
    assert (90, 11) == (splits.train.records, splits.test.records)
    assert list(range(101)) == sorted(train + test)
    assert train == sorted(train)
    assert test == sorted(test)


@pytest.mark.parametrize(("fraction", "rows", "expected"), [(0.2, 220, 44), (0.07, 100, 7), (0.1, 1188, 119)])
def test_the_test_split_is_the_fraction_rounded_up(tmp_path: Path, fraction: float, rows: int, expected: int) -> None:
    """Rounding up is what `train_test_split` does too; errors of binary fractions do not count as a row."""
    assert expected == write_splits(tmp_path, _rows(rows), test_fraction=fraction).test.records


def test_a_seed_gives_the_same_rows_everywhere(tmp_path: Path) -> None:
    """The rows that a seed chooses are fixed for all Python versions and platforms."""
    splits = write_splits(tmp_path, _rows(20), test_fraction=0.3, seed=42)
    assert SEED_42 == _numbers(splits.test)
    assert SHA_42 == splits.test.sha256


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    """Splitting twice gives equal files; another seed gives others."""
    first, second, other = (
        write_splits(tmp_path / name, _rows(50), test_fraction=0.2, seed=seed)
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert (first.train.sha256, first.test.sha256) == (second.train.sha256, second.test.sha256)
    assert first.test.sha256 != other.test.sha256


def test_chosen_rows_are_spread_evenly(tmp_path: Path) -> None:
    """Over many seeds each row is tested about as often as any other."""
    times = [0] * 10
    for seed in range(300):
        for number in _numbers(write_splits(tmp_path, _rows(10), test_fraction=0.3, seed=seed).test):
            times[number] += 1
    assert sum(times) == 900
    assert all(60 <= count <= 120 for count in times)  # 90 expected, standard deviation 8


def test_a_split_describes_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are absolute, counts and hashes are the file's, and no other file is left."""
    monkeypatch.chdir(tmp_path)
    splits = write_splits(Path("out"), _rows(10), test_fraction=0.2, source={"id": "mine"})
    assert tmp_path / "out" / "train.jsonl" == splits.train.path
    assert tmp_path / "out" / "test.jsonl" == splits.test.path
    for split in (splits.train, splits.test):
        assert file_sha256(split.path) == split.sha256
        assert len(split.path.read_text().splitlines()) == split.records
    assert ["test.jsonl", "train.jsonl"] == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert splits.source == {"id": "mine", "duplicates_dropped": "0", "overlap_dropped": "0"}


def test_rows_are_written_as_they_are(tmp_path: Path) -> None:
    """Other fields, their order and any letters survive."""
    rows = [{"z": [1, None], "instruction": f"größe {number} 😀\u2028", "response": "r"} for number in range(3)]
    splits = write_splits(tmp_path, lambda: iter(rows), test_fraction=0.3)
    written = [*splits.train, *splits.test]
    assert sorted(json.dumps(row) for row in rows) == sorted(json.dumps(row) for row in written)


@pytest.mark.parametrize(
    ("rows", "arguments", "text"),
    [
        (10, {"test_fraction": 0.0}, "test_fraction must be more than 0 and at most 1, not 0.0"),
        (10, {"test_fraction": 1.5}, "test_fraction must be more than 0 and at most 1, not 1.5"),
        (10, {"test_fraction": 0.5, "group": lambda _: None}, "no record has the column of the option 'group'"),
        (
            10,
            {"test_fraction": 0.5, "group": lambda _: 1},
            "the records are of 1 groups, and 5 test records would take",
        ),
        (10, {"test_fraction": 0.95}, "test_fraction 0.95 of 10 distinct rows leaves no train records"),
        (1, {"test_fraction": 0.5}, "a single row cannot be split into train and test; add rows"),
        (0, {"test_fraction": 0.5}, "the dataset has no rows"),
        (
            10,
            {"test_fraction": 0.2, "max_test_records": 3},
            "max_test_records is 3, but the test split has 2 records; give 1 to 2",
        ),
        (
            10,
            {"test_fraction": 0.2, "max_train_records": 9},
            "max_train_records is 9, but the train split has 8 records; give 1 to 8",
        ),
        (
            10,
            {"test_fraction": 0.2, "max_train_records": 0},
            "max_train_records is 0, but the train split has 8 records",
        ),
        (10, {}, "give exactly one of test_fraction and test_rows"),
        (10, {"test_fraction": 0.2, "test_rows": _rows(2, 10)}, "give exactly one of test_fraction and test_rows"),
    ],
)
def test_impossible_splits_are_refused(tmp_path: Path, rows: int, arguments: dict[str, Any], text: str) -> None:
    """The error has the numbers and what is possible, and no file is left."""
    with pytest.raises(DataError) as caught:
        write_splits(tmp_path, _rows(rows), **arguments)
    assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_maxima_take_rows_at_random_and_smaller_ones_a_part_of_larger_ones(tmp_path: Path) -> None:
    """Asking 5 rows asks some of the 20; the rows are not the first ones of the file."""

    def split(**maxima: Any) -> DatasetSplits:
        return write_splits(tmp_path, _rows(200), test_fraction=0.2, seed=7, **maxima)

    whole = set(_numbers(split().test))
    some, few = (set(_numbers(split(max_test_records=count).test)) for count in (20, 5))
    assert (40, 20, 5) == (len(whole), len(some), len(few))
    assert few < some < whole
    assert sorted(whole)[:5] != sorted(few)
    trained = set(_numbers(split().train))
    assert set(_numbers(split(max_train_records=10).train)) < trained


def test_a_maximum_changes_no_other_split(tmp_path: Path) -> None:
    """Fewer test rows leave the train file as it is, so that nothing is trained again, and the other way round."""
    whole = write_splits(tmp_path / "a", _rows(100), test_fraction=0.2)
    less = write_splits(tmp_path / "b", _rows(100), test_fraction=0.2, max_test_records=3)
    fewer = write_splits(tmp_path / "c", _rows(100), test_fraction=0.2, max_train_records=3)
    assert whole.train.sha256 == less.train.sha256
    assert whole.test.sha256 == fewer.test.sha256


def test_equal_rows_are_kept_once(tmp_path: Path) -> None:
    """Of rows equal in every field the first stays, wherever the others are, and the number is reported."""
    rows = [*_rows(40)(), *_rows(25)(), {"response": "answer 3", "context": "text 3", "instruction": "do 3"}]
    splits = write_splits(tmp_path, lambda: iter(rows), test_fraction=0.25)
    assert list(range(40)) == sorted(_numbers([*splits.train, *splits.test]))
    assert splits.test.records == 10
    assert splits.source["duplicates_dropped"] == "26"
    assert splits.source["overlap_dropped"] == "0"


def test_no_input_is_both_learned_and_asked(tmp_path: Path) -> None:
    """A question with several answers is asked or learned, never both; the rows left out are counted."""
    rows = [{**row, "response": f"answer {other}"} for other in range(3) for row in _rows(30)()]
    splits = write_splits(tmp_path, lambda: iter(rows), test_fraction=0.2, seed=5)
    train, test = set(_numbers(splits.train)), set(_numbers(splits.test))
    assert not train & test
    assert splits.test.records == 18
    assert splits.source["duplicates_dropped"] == "0"
    assert 90 == splits.train.records + splits.test.records + int(splits.source["overlap_dropped"])
    assert int(splits.source["overlap_dropped"]) > 0


def test_one_instruction_for_many_texts_is_no_overlap(tmp_path: Path) -> None:
    """Rows that share the instruction and differ in the context are different questions."""
    rows = [{"instruction": "Summarize.", "context": f"text {n}", "response": "same"} for n in range(20)]
    splits = write_splits(tmp_path, lambda: iter(rows), test_fraction=0.25)
    assert (15, 5) == (splits.train.records, splits.test.records)


def test_rows_that_are_all_one_question_are_refused(tmp_path: Path) -> None:
    """If the test split has every input, no train record is left."""
    rows = [{"instruction": "Say a number.", "response": str(number)} for number in range(10)]
    with pytest.raises(DataError, match="the train split has no records: the input or the group of every one"):
        write_splits(tmp_path, lambda: iter(rows), test_fraction=0.2)


def test_all_rows_can_be_test_rows(tmp_path: Path) -> None:
    """With the fraction 1, also of a single row; the train split is an empty file, whatever its maximum."""
    splits = write_splits(tmp_path, _rows(1), test_fraction=1, max_train_records=5)
    assert (0, 1) == (splits.train.records, splits.test.records)
    assert b"" == splits.train.path.read_bytes()
    some = write_splits(tmp_path, _rows(10), test_fraction=1, max_test_records=3)
    assert (0, 3) == (some.train.records, some.test.records)


def _grouped(count: int, start: int = 0) -> Callable[[], Iterator[Record]]:
    return lambda: ({**row, "conversation": n // 3} for n, row in enumerate(_rows(count, start)(), start=start))


def _group(record: Record) -> Any:
    return record.get("conversation")


def test_a_group_is_in_one_split(tmp_path: Path) -> None:
    """The test split has whole groups, at least the fraction; the same seed gives the same."""
    splits = write_splits(tmp_path, _grouped(60), test_fraction=0.2, group=_group)
    train, test = ({record["conversation"] for record in split} for split in (splits.train, splits.test))
    assert not train & test
    assert set(range(20)) == train | test
    assert (48, 12) == (splits.train.records, splits.test.records)
    again = write_splits(tmp_path, _grouped(60), test_fraction=0.2, group=_group)
    assert again.test.sha256 == splits.test.sha256


def test_a_row_without_a_group_is_on_its_own(tmp_path: Path) -> None:
    """It can be in either split."""
    rows = [*_grouped(6)(), *_rows(40, 6)()]
    splits = write_splits(tmp_path, lambda: iter(rows), test_fraction=0.25, group=_group)
    assert 46 == splits.train.records + splits.test.records
    assert 12 <= splits.test.records <= 14


def test_train_rows_of_tested_groups_are_dropped(tmp_path: Path) -> None:
    """With a test split of the dataset's own."""
    splits = write_splits(tmp_path, _grouped(9), test_rows=_grouped(5, 7), group=_group)
    assert [0, 1, 2, 3, 4, 5] == _numbers(splits.train)
    assert "3" == splits.source["group_dropped"]


def test_rows_without_a_response_are_asked_and_not_learned(tmp_path: Path) -> None:
    """They are counted; if no row has one, the rows are for another task, and stay."""
    rows = [{key: row[key] for key in row if key != "response" or n % 4} for n, row in enumerate(_rows(40)())]
    splits = write_splits(tmp_path, lambda: iter(rows), test_fraction=0.5)
    counts = [int(splits.source[name]) for name in ("unanswered_dropped", "test_without_response")]
    assert (10, 20, 20 - counts[0]) == (sum(counts), splits.test.records, splits.train.records)
    assert all("response" in record for record in splits.train)
    bare = [{"instruction": str(n)} for n in range(10)]
    assert 5 == write_splits(tmp_path, lambda: iter(bare), test_fraction=0.5).train.records


def test_given_test_rows_are_the_test_split(tmp_path: Path) -> None:
    """With test rows given, they are the test split in their order, and train rows with their inputs are dropped."""
    splits = write_splits(tmp_path, _rows(20), test_rows=_rows(10, 15), seed=1)
    assert list(range(15)) == _numbers(splits.train)
    assert list(range(15, 25)) == _numbers(splits.test)
    assert splits.source["overlap_dropped"] == "5"


def test_maxima_hold_for_a_test_file_too(tmp_path: Path) -> None:
    """Rows of given splits are chosen at random as well."""
    splits = write_splits(tmp_path, _rows(20), test_rows=_rows(10, 20), max_train_records=5, max_test_records=4)
    assert (5, 4) == (splits.train.records, splits.test.records)
    assert set(_numbers(splits.test)) < set(range(20, 30))
    with pytest.raises(DataError, match="max_test_records is 11, but the test split has 10 records"):
        write_splits(tmp_path, _rows(20), test_rows=_rows(10, 20), max_test_records=11)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud800"])
def test_a_row_that_json_cannot_hold_is_named(tmp_path: Path, value: object) -> None:
    """The error names the record."""
    rows = [*_rows(3)(), {"instruction": "odd", "extra": value}]
    with pytest.raises(DataError, match=r"record 4 \('odd'\) cannot be written as JSON: in the field '"):
        write_splits(tmp_path, lambda: iter(rows), test_fraction=0.5)


def _changing(second: list[Record]) -> Callable[[], Iterator[Record]]:
    """Give ten rows at the first reading, and others at the second."""
    readings = iter([list(_rows(10)()), second])
    return lambda: iter(next(readings))


@pytest.mark.parametrize(
    "second", [list(_rows(9)()), list(_rows(11)()), list(_rows(10, 1)())], ids=["fewer", "more", "others"]
)
def test_data_that_changes_between_readings_is_refused(tmp_path: Path, second: list[Record]) -> None:
    """Nothing is published when the second reading is not the first."""
    with pytest.raises(DataError, match="the data changed while it was being read"):
        write_splits(tmp_path, _changing(second), test_fraction=0.2)
    assert not list(tmp_path.iterdir())


def test_a_failed_attempt_leaves_the_earlier_splits(tmp_path: Path) -> None:
    """Files are replaced when both are complete, and not before."""
    before = write_splits(tmp_path, _rows(10), test_fraction=0.2)
    with pytest.raises(DataError):
        write_splits(tmp_path, _changing([]), test_fraction=0.5)
    assert before.train.sha256 == file_sha256(before.train.path)
    assert before.test.sha256 == file_sha256(before.test.path)


MEASURE = """
import resource, sys
from pathlib import Path
from llmops_sdk.data.files.jsonl import read_jsonl
from llmops_sdk.data.splits import write_splits

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
source, folder = Path(sys.argv[1]), Path(sys.argv[2])
rows = lambda: iter([{"instruction": str(number)} for number in range(9)])
write_splits(folder / "warm", rows, test_fraction=0.5)
before = peak()
splits = write_splits(folder / "full", lambda: read_jsonl(source), test_fraction=0.5)
print(peak() - before, splits.train.records + splits.test.records)
"""


@pytest.mark.slow
def test_100_000_records_stream_through_flat_memory(tmp_path: Path) -> None:
    """Ten times the records cost no more than 60 bytes each in memory, where each has 200 bytes on disk and more as an object."""
    grown = {}
    for count in (10_000, 100_000):
        source = tmp_path / f"{count}.jsonl"
        with source.open("w") as file:
            for number in range(count):
                file.write(f'{{"instruction": "do {number}", "context": "{"word " * 30}", "response": "answer"}}\n')
        command = [sys.executable, "-c", MEASURE, str(source), str(tmp_path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert count == int(told[1])
        grown[count] = int(told[0])
    assert grown[100_000] - grown[10_000] < 90_000 * 60, grown
