"""What a comparison leaves out: the rows without a partner, counted and listed, and what else must be known beside its verdict."""

from __future__ import annotations

import json
from pathlib import Path

from llmops_sdk.pipeline.imports.normal_form import NormalForm
from llmops_sdk.pipeline.imports.pairing import Agreement, RowTable
from llmops_sdk.pipeline.imports.parts import Boards

UNPAIRED = "unpaired.jsonl"
"""The file of a run with the rows that have no partner."""

_LISTED = 5


def find_caveats(
    boards: Boards, files: NormalForm, table: RowTable, agreement: Agreement, unpaired: Path
) -> dict[str, list[str]]:
    """Return what must be known of each dataset beside the verdict, and list the rows without a partner in a file."""
    caveats: dict[str, list[str]] = {}
    with unpaired.open("w", encoding="utf-8") as out:
        for board in files.boards:
            lines: list[str] = []
            parts = boards.parts[board.name]
            table.pair(parts)
            for part in parts:
                keys: list[str] = []
                count = 0
                for key in table.unpaired(part):
                    out.write(
                        f"{json.dumps({'candidate': part.name, 'dataset': board.name, 'key': key}, ensure_ascii=False)}\n"
                    )
                    keys += [key] if count < _LISTED else []
                    count += 1
                if count:
                    total = board.records + count
                    listed = ", ".join(keys) + (", ..." if count > len(keys) else "")
                    lines.append(
                        f"{count} of {total} records of {part.name} have no partner and are left out: {listed}."
                    )
            lines += [
                f"{count} records of {name} have several rows, which are joined to their mean."
                for name, count in board.repeated.items()
            ]
            lines += [
                f"The {name} differs for {count} records, as declared."
                for name, count in agreement.allowed_counts.items()
            ]
            caveats[board.name] = lines
    if not unpaired.stat().st_size:
        unpaired.unlink()
    return caveats
