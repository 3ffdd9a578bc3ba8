"""The split of a dataset into train and test, written as JSONL files: streams, never lists of records."""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs
from typing_extensions import Self

from llmops_sdk.data.groups import cut_by_group, without_groups_of
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import DatasetSplits, Record, Split, record_label

Rows = Callable[[], Iterator[Record]]
"""Starts to read the same rows at each call."""

_UNUSED, _TRAIN, _TEST = range(3)
# A set of Python integers takes ten times their 8 bytes: comparing them in parts bounds that.
_PARTS = 16
# Made once: `json.dumps` makes an encoder at every call with options.
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_sorted_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True)


def write_splits(  # noqa: PLR0913 - what a split depends on, all but two by keyword
    folder: Path,
    rows: Rows,
    *,
    seed: int = 0,
    test_fraction: float | None = None,
    test_rows: Rows | None = None,
    max_train_records: int | None = None,
    max_test_records: int | None = None,
    group: Callable[[Record], Any] | None = None,
    source: Mapping[str, str] | None = None,
) -> DatasetSplits:
    """Write `train.jsonl` and `test.jsonl` below `folder`: a seeded split of `rows`, or the rows and test rows as they are.

    The rows are read twice, as streams; at most 60 bytes are held for each (8-byte hashes of the row, of its input and
    of its group, its place in a permutation), never the rows. The bytes written depend on the arguments and the rows only: the
    permutation is Fisher and Yates's over `random.Random(seed).random()`, the one sequence that Python promises never to
    change.

    To keep a comparison honest:

    - of rows that are equal in every field, the first is used;
    - the test split is `ceil(test_fraction * rows)` random rows, in the order of the dataset;
    - a train row whose input (instruction and context) is also in the test split is dropped, whatever its response: a
      question is never both learned and asked;
    - with `group`, the test split is whole groups, in a random order, until it has the fraction; with a test split of the
      dataset's own, train rows of its groups are dropped;
    - if some rows have a `response`, a train row without one is dropped;
    - `max_train_records` and `max_test_records` take random rows, and a smaller number takes a subset of what a larger
      one takes. Neither changes the other split, so asking fewer records repeats no training.

    Args:
        folder: Created if it is missing; the files appear in it by rename, when both are written.
        rows: Starts to read the rows, and yields the same ones at every call.
        seed: Of the permutation.
        test_fraction: The share of the rows that becomes the test split, more than 0; not with `test_rows`. 1 takes all
            rows: the train split is empty.
        test_rows: The test split, if the dataset has its own; `rows` then is the train split.
        max_train_records: The most train records.
        max_test_records: The most test records.
        group: Returns what rows have in common that must not be in both splits; a row without it (None) is on its own.
        source: Details of the origin. `duplicates_dropped` and `overlap_dropped` are added: the numbers of rows dropped
            because they were duplicates, and because the test split has their input. So are, where they are not 0,
            `group_dropped`, `unanswered_dropped`, and `test_without_response`, the number of test rows without one.

    Returns:
        The splits, with absolute paths.

    Raises:
        DataError: There are too few rows for the fraction or the maxima, `rows` yielded other rows at the second
            reading, or a row cannot be written as JSON.
    """
    if (test_fraction is None) == (test_rows is None):
        message = "give exactly one of test_fraction and test_rows"
        raise DataError(message)
    if test_fraction is not None and not 0 < test_fraction <= 1:
        message = f"test_fraction must be more than 0 and at most 1, not {test_fraction}"
        raise DataError(message)
    files = [_survey(rows, group)] if test_rows is None else [_survey(rows, group), _survey(test_rows, group)]
    shuffled = [_shuffled(file, seed) for file in files]
    if test_fraction is None:
        train, test = shuffled
    elif group is None:
        train, test = _cut(shuffled[0], test_fraction)
    else:
        train, test = cut_by_group(shuffled[0], files[0].groups, _test_count(len(shuffled[0]), test_fraction), seed)
    apart = without_groups_of(train, files[0].groups, files[-1].groups, test) if group and test_rows else train
    kept = _without_test_inputs(apart, files[0], files[-1], test)
    learnable = _answered(kept, files[0])
    counts = {"group_dropped": len(train) - len(apart), "unanswered_dropped": len(kept) - len(learnable)}
    counts["test_without_response"] = sum(files[-1].unanswered[place] for place in test)
    dropped = {
        "duplicates_dropped": str(sum(sum(file.duplicate) for file in files)),
        "overlap_dropped": str(len(apart) - len(kept)),
        **{name: str(count) for name, count in counts.items() if count},
    }
    if test_fraction != 1:
        train = _first(learnable, max_train_records, "max_train_records", "train")
    test = _first(test, max_test_records, "max_test_records", "test")
    for file, places, role in ((files[0], train, _TRAIN), (files[-1], test, _TEST)):
        for place in places:
            file.roles[place] = role
    return _write(folder, files, {**(source or {}), **dropped})


@attrs.frozen
class _File:
    """What is known of a file of rows after the first reading; one element for each row.

    Attributes:
        rows: Starts the reading.
        inputs: The first 8 bytes of the hash of the row's input.
        groups: The first 8 bytes of the hash of the row's group; empty if rows have none.
        duplicate: 1 for a row that is equal to an earlier one.
        unanswered: 1 for a row without a response.
        roles: The split that the row belongs to.
    """

    rows: Rows
    inputs: array[int]
    groups: array[int]
    duplicate: bytearray
    unanswered: bytearray
    roles: bytearray


def _survey(rows: Rows, group: Callable[[Record], Any] | None) -> _File:
    """Read the rows once. Two different rows of a million have equal 8-byte hashes with a chance of 3e-8.

    Raises:
        DataError: There is no row, or none has a group.
    """
    row_hashes, inputs, groups, unanswered = array("Q"), array("Q"), array("Q"), bytearray()
    has_groups = False
    for index, row in enumerate(rows()):
        row_hashes.append(_row_hash(row, index))
        inputs.append(_input_hash(row, index))
        unanswered.append("instruction" in row and row.get("response") is None)
        if group is not None:
            value = group(row)
            has_groups = has_groups or value is not None
            groups.append(row_hashes[-1] if value is None else _row_hash({"group": value}, index))
    if not inputs:
        message = "the dataset has no rows"
        raise DataError(message)
    if group is not None and not has_groups:
        message = "no record has the column of the option 'group': name one that some records have"
        raise DataError(message)
    return _File(rows, inputs, groups, _repeats(row_hashes), unanswered, bytearray(len(inputs)))


def _repeats(hashes: array[int]) -> bytearray:
    """Return 1 for a hash that is equal to an earlier one, else 0."""
    repeats = bytearray(len(hashes))
    for part in range(_PARTS):
        seen: set[int] = set()
        for place, value in enumerate(hashes):
            if value % _PARTS == part:
                repeats[place] = value in seen
                seen.add(value)
    return repeats


def _row_hash(row: Record, index: int) -> int:
    try:
        text = _sorted_json.encode(row)
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    except (TypeError, ValueError, RecursionError) as exc:
        message = f"{record_label(row, index + 1)} cannot be written as JSON: {_odd_field(row)}{exc}"
        raise DataError(message) from exc


def _odd_field(row: Record) -> str:
    """Return the first field that cannot be written, for a message; empty if each can be."""
    for name, value in row.items():
        try:
            _sorted_json.encode({name: value}).encode()
        except (TypeError, ValueError, RecursionError):
            return f"in the field {name!r}, which the source must leave out or replace: "
    return ""


def _input_hash(row: Record, index: int) -> int:
    """Return the hash of the input; a row without an instruction is its own input."""
    if "instruction" not in row:
        return _row_hash(row, index)
    return _row_hash({"instruction": row["instruction"], "context": row.get("context")}, index)


def _shuffled(file: _File, seed: int) -> array[int]:
    """Return the places of the rows that are not duplicates, in the order of a seeded permutation."""
    places = array("Q", (place for place, twice in enumerate(file.duplicate) if not twice))
    draw = random.Random(seed).random  # noqa: S311 - a reproducible split, no secret
    for last in range(len(places) - 1, 0, -1):
        other = int(draw() * (last + 1))
        places[last], places[other] = places[other], places[last]
    return places


def _test_count(rows: int, fraction: float) -> int:
    """Return the number of test rows: the fraction, rounded up.

    Raises:
        DataError: It leaves none to train on, although it is less than 1.
    """
    # 0.07 * 100 is a little more than 7 in binary: without rounding, ceil would make it 8
    count = math.ceil(round(fraction * rows, 9))
    if count >= rows and fraction < 1:
        message = (
            f"test_fraction {fraction} of {rows} distinct rows leaves no train records"
            if rows > 1
            else "a single row cannot be split into train and test; add rows"
        )
        raise DataError(message)
    return count


def _cut(places: array[int], fraction: float) -> tuple[array[int], array[int]]:
    """Cut shuffled places into train and test."""
    count = _test_count(len(places), fraction)
    return places[count:], places[:count]


def _answered(train: array[int], file: _File) -> array[int]:
    """Return the places of train rows with a response; all of them if none has one, as rows of other tasks."""
    answered = array("Q", (place for place in train if not file.unanswered[place]))
    return answered or train


def _without_test_inputs(train: array[int], file: _File, asked: _File, test: array[int]) -> array[int]:
    """Return the places of train rows whose input is not in the test split."""
    overlaps = bytearray(len(file.inputs))
    for part in range(_PARTS):
        in_test = {asked.inputs[place] for place in test if asked.inputs[place] % _PARTS == part}
        for place in train:
            if file.inputs[place] in in_test:
                overlaps[place] = 1
    return array("Q", (place for place in train if not overlaps[place]))


def _first(places: array[int], maximum: int | None, option: str, split: str) -> array[int]:
    if not places:
        message = f"the {split} split has no records: the input or the group of every one is in the test split"
        raise DataError(message)
    if maximum is None:
        return places
    if not 1 <= maximum <= len(places):
        message = f"{option} is {maximum}, but the {split} split has {len(places)} records; give 1 to {len(places)}"
        raise DataError(message)
    return places[:maximum]


def _write(folder: Path, files: list[_File], source: Mapping[str, str]) -> DatasetSplits:
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        train = stack.enter_context(_SplitFile(folder.absolute() / "train.jsonl"))
        test = stack.enter_context(_SplitFile(folder.absolute() / "test.jsonl"))
        writers = {_TRAIN: train, _TEST: test}
        for file in files:
            for role, row in _second_reading(file):
                if role != _UNUSED:
                    writers[role].write(row)
        splits = DatasetSplits(train.split(), test.split(), source)
        train.publish()
        test.publish()
    return splits


def _second_reading(file: _File) -> Iterator[tuple[int, Record]]:
    index = -1
    for index, row in enumerate(file.rows()):
        if index >= len(file.roles) or _input_hash(row, index) != file.inputs[index]:
            break
        yield file.roles[index], row
    else:
        if index == len(file.roles) - 1:
            return
    message = f"the data changed while it was being read (record {index + 1}); run again when it no longer changes"
    raise DataError(message)


class _SplitFile:
    """Writes one split to a draft, which `publish` renames."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._records = 0
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        self._file = self._part.open("wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)

    def write(self, row: Record) -> None:
        line = _json.encode(row).encode() + b"\n"
        self._file.write(line)
        self._hash.update(line)
        self._records += 1

    def split(self) -> Split:
        return Split(self._path, self._records, self._hash.hexdigest())

    def publish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)
