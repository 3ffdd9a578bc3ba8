"""Records of several runs, paired by their content: equal records are one, wherever they stand in their splits."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby, pairwise

import attrs

from llmops_sdk.report.records.streams import Row
from llmops_sdk.values.data import Record
from llmops_sdk.values.samples import Sample
from llmops_sdk.values.serial import digest, from_json, to_line

_DIGITS = 16


@attrs.frozen
class Pairing:
    """The common order of the records of several runs: those of the first run, then those that only later runs have.

    Attributes:
        places: For each run, the place of each of its records in the common order.
        total: The number of different records.
        common: The number of records that all runs have.
    """

    places: tuple[tuple[int, ...], ...]
    total: int
    common: int


def record_keys(records: Iterable[Record]) -> tuple[str, ...]:
    """Return what pairs each record: the hash of its content; of equal records, the second one has `:2` at its end."""
    seen: Counter[str] = Counter()
    keys = []
    for record in records:
        short = digest(json.dumps(record, sort_keys=True))[:_DIGITS]
        seen[short] += 1
        keys.append(short if seen[short] == 1 else f"{short}:{seen[short]}")
    return tuple(keys)


def pair(keys: Sequence[Sequence[str]]) -> Pairing:
    """Return the common order of records.

    Args:
        keys: For each run, the keys of its records.
    """
    place_of: dict[str, int] = {}
    for own in keys:
        for key in own:
            place_of.setdefault(key, len(place_of))
    common = set.intersection(*map(set, keys)) if keys else set()
    return Pairing(tuple(tuple(place_of[key] for key in own) for own in keys), len(place_of), len(common))


def paired_rows(streams: Sequence[Iterable[Row]], pairing: Pairing) -> Iterator[Row]:
    """Yield the records of all runs in the common order, each with the samples of all of them.

    Args:
        streams: The rows of each run, in the order of its test split; their cells have different names.
        pairing: Of the same runs.
    """
    ordered = [_in_order(rows, places) for rows, places in zip(streams, pairing.places, strict=True)]
    for place, rows in groupby(merge(*ordered, key=lambda row: row.index), key=lambda row: row.index):
        samples: dict[str, list[Sample]] = {}
        for row in rows:
            samples |= row.samples
        yield Row(place, samples)


def _in_order(rows: Iterable[Row], places: Sequence[int]) -> Iterator[Row]:
    """Yield rows in the common order; those of a run with another order are put into a temporary file first."""
    if all(place < after for place, after in pairwise(places)):
        for row in rows:
            yield attrs.evolve(row, index=places[row.index])
        return
    with tempfile.TemporaryFile() as file:
        starts: list[tuple[int, int]] = []
        for row in rows:
            starts.append((places[row.index], file.tell()))
            file.write(_line(row.samples))
        for place, start in sorted(starts):
            file.seek(start)
            yield Row(place, _samples(file.readline()))


def _line(samples: Mapping[str, Sequence[Sample]]) -> bytes:
    lines = {cell: [to_line(sample, Sample).decode() for sample in own] for cell, own in samples.items()}
    return json.dumps(lines).encode() + b"\n"


def _samples(line: bytes) -> dict[str, list[Sample]]:
    return {cell: [from_json(json.loads(each), Sample) for each in own] for cell, own in json.loads(line).items()}
