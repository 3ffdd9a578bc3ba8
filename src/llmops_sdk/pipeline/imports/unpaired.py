"""What a comparison leaves out: the rows without a partner, counted and listed, and what else must be known beside its verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from llmops_sdk.pipeline.imports.entries import Boards, Entry
from llmops_sdk.pipeline.imports.normal_form import BoardFile, NormalForm
from llmops_sdk.pipeline.imports.pairing import RowTable

UNPAIRED = "unpaired.jsonl"
"""The file of a run with the rows that have no partner."""

_LISTED = 5


def find_caveats(
    boards: Boards, files: NormalForm, table: RowTable, declared: Mapping[str, Sequence[str]], unpaired: Path
) -> dict[str, list[str]]:
    """Return what must be known of each dataset beside the verdict, and list the rows without a partner in a file.

    Args:
        boards: What is compared.
        files: The files that were written.
        table: The rows.
        declared: Dataset name to what differs between its candidates, as declared.
        unpaired: The file to write; it is not there where every row has a partner.
    """
    caveats: dict[str, list[str]] = {}
    with unpaired.open("w", encoding="utf-8") as out:
        for board in files.boards:
            entries = boards.entries[board.name]
            table.pair(entries)
            lines = [line for entry in entries if (line := _write_unpaired(entry, board, table, out))]
            lines += [
                f"{_of(count, name)} several rows, which are joined to their mean."
                for name, count in board.repeated.items()
            ]
            lines += [
                f"The {name} of {_records(count)} differs between sources, as declared."
                for name, count in board.declared.items()
            ]
            lines += [f"The {name} differs between candidates, as declared." for name in declared.get(board.name, ())]
            caveats[board.name] = lines
    if not unpaired.stat().st_size:
        unpaired.unlink()
    return caveats


def _write_unpaired(entry: Entry, board: BoardFile, table: RowTable, out: IO[str]) -> str:
    """Write the rows of an entry that have no partner; return a sentence that counts them, or an empty text."""
    first: list[str] = []
    count = 0
    for key in table.unpaired(entry):
        line = {"candidate": entry.name, "dataset": board.name, "key": key}
        out.write(f"{json.dumps(line, ensure_ascii=False)}\n")
        first += [key] if count < _LISTED else []
        count += 1
    if not count:
        return ""
    listed = ", ".join(first) + (", ..." if count > len(first) else "")
    verb = "has" if count == 1 else "have"
    left = "is" if count == 1 else "are"
    return f"{count} of {_records(board.records + count)} of {entry.name} {verb} no partner and {left} left out ({listed})."


def _of(count: int, candidate: str) -> str:
    return f"{_records(count)} of {candidate} {'has' if count == 1 else 'have'}"


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
