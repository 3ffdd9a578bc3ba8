"""Records of several runs, paired by their content."""

from __future__ import annotations

from collections.abc import Sequence

from llmops_sdk.report.records.streams import SideBySide
from llmops_sdk.report.several.pairing import Pairing, pair, paired_rows, record_keys
from llmops_sdk.values.samples import Sample

from ..samples import sample


def records(text: str) -> list[dict[str, str]]:
    """Return a record for each letter."""
    return [{"instruction": letter} for letter in text]


def rows(*texts: str) -> tuple[Pairing, list[tuple[int, str, dict[str, str | None]]]]:
    """Pair the records of several runs, each a letter; return place, record and the output of each run."""
    streams = []
    for run, text in enumerate(texts):
        lines: Sequence[Sample] = [sample(place, record, f"{run}{place}") for place, record in enumerate(records(text))]
        streams.append(SideBySide({f"cell {run}": lines}))
    pairing = pair([record_keys(records(text)) for text in texts])
    return pairing, [
        (
            row.index,
            str(row.first.record["instruction"]),
            {cell: samples[0].output for cell, samples in row.samples.items()},
        )
        for row in paired_rows(streams, pairing)
    ]


def test_equal_records_are_one() -> None:
    """In the order of the first run; those that only a later run has come last."""
    pairing, found = rows("abc", "bcd")

    assert (4, 2) == (pairing.total, pairing.common)
    assert [
        (0, "a", {"cell 0": "00"}),
        (1, "b", {"cell 0": "01", "cell 1": "10"}),
        (2, "c", {"cell 0": "02", "cell 1": "11"}),
        (3, "d", {"cell 1": "12"}),
    ] == found


def test_another_order_makes_no_difference() -> None:
    """The second run has the records in another order, and one of its own between them."""
    _, found = rows("abc", "cxab")

    assert [("a", "12"), ("b", "13"), ("c", "10"), ("x", "11")] == [
        (record, outputs.get("cell 1")) for _, record, outputs in found
    ]
    assert ["00", "01", "02", None] == [outputs.get("cell 0") for _, _, outputs in found]


def test_records_that_are_there_twice_are_paired_in_their_order() -> None:
    """The first with the first, the second with the second."""
    pairing, found = rows("aba", "aa")

    assert (3, 2) == (pairing.total, pairing.common)
    assert [{"cell 0": "00", "cell 1": "10"}, {"cell 0": "01"}, {"cell 0": "02", "cell 1": "11"}] == [
        outputs for _, _, outputs in found
    ]


def test_three_runs_are_paired() -> None:
    """What is in all of them is counted."""
    pairing, found = rows("ab", "b", "cb")

    assert (3, 1) == (pairing.total, pairing.common)
    assert {"cell 0": "01", "cell 1": "10", "cell 2": "21"} == found[1][2]


def test_samples_of_another_order_come_back_whole() -> None:
    """They wait in a file, with all that they have."""
    (first,) = [sample(0, {"instruction": "a"}, "yes", scores={"exact": 0.5}, notes={"judge": {"why": "\u2028 so"}})]
    second = [sample(0, {"instruction": "b"}, "no"), sample(1, {"instruction": "a"}, "yes", scores={"exact": 1.0})]
    streams = [SideBySide({"x": [first]}), SideBySide({"y": second})]
    pairing = pair([record_keys([line.record for line in lines]) for lines in ([first], second)])

    (row, _) = paired_rows(streams, pairing)

    assert {"x": [first], "y": [second[1]]} == row.samples
