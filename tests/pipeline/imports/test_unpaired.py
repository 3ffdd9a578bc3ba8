"""What a comparison leaves out is counted and listed."""

from __future__ import annotations

import json
from pathlib import Path

from llmops_sdk.pipeline.imports.entries import arrange
from llmops_sdk.pipeline.imports.normal_form import write_normal_form
from llmops_sdk.pipeline.imports.pairing import RowTable
from llmops_sdk.pipeline.imports.unpaired import find_caveats
from llmops_sdk.plugin import Answer, ImportedRow, Metric

from .sources import entry


def _caveats(folder: Path, first: list[str], second: list[str]) -> list[str]:
    entries = [entry("a"), entry("b", source=1, number=1)]
    table = RowTable(folder / "rows.sqlite")
    for each, keys in zip(entries, (first, second), strict=True):
        rows = [ImportedRow(key, {}, Answer(scores={"m": 1.0}), must_agree={"prompt": each.name}) for key in keys]
        table.add(each, rows)
    boards = arrange(entries)
    files = write_normal_form(folder, boards, table, [Metric("m")], ("prompt",))
    caveats = find_caveats(boards, files, table, {"d": ["grader of m"]}, folder / "unpaired.jsonl")
    table.close()
    return caveats["d"]


def test_rows_without_a_partner_are_counted_and_listed(tmp_path: Path) -> None:
    """The first ones in a sentence, all of them in a file; so is what was joined, and what differs as declared."""
    keys = [f"k{number}" for number in range(9)]

    caveats = _caveats(tmp_path, keys, ["k8", "k8", "other"])

    assert [
        "8 of 9 records of a have no partner and are left out (k0, k1, k2, k3, k4, ...).",
        "1 of 2 records of b has no partner and is left out (other).",
        "1 record of b has several rows, which are joined to their mean.",
        "The grader of m differs between candidates, as declared.",
    ] == [line for line in caveats if "prompt" not in line]
    lines = [json.loads(line) for line in (tmp_path / "unpaired.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {"candidate": "b", "dataset": "d", "key": "other"} == lines[-1]
    assert [*keys[:8], "other"] == [line["key"] for line in lines]


def test_nothing_is_left_out(tmp_path: Path) -> None:
    """Then there is no file."""
    assert "left out" not in " ".join(_caveats(tmp_path, ["k"], ["k"]))
    assert not (tmp_path / "unpaired.jsonl").exists()
