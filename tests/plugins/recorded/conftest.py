"""Indexes of recorded answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.recorded.index import AnswerIndex

from .rows import MakeIndex, options, write_jsonl


@pytest.fixture
def indexed(tmp_path: Path) -> Iterator[MakeIndex]:
    """Make the index of rows."""
    made: list[AnswerIndex] = []

    def indexed(*rows: Mapping[str, Any], **values: Any) -> AnswerIndex:
        path = write_jsonl(tmp_path / "answers.jsonl", rows)
        made.append(AnswerIndex(tmp_path / f"{len(made)}.sqlite"))
        made[-1].add_file(path, options(path, **values))
        return made[-1]

    yield indexed
    for index in made:
        index.close()
