"""Files of recorded answers, for tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.index import AnswerIndex


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


MakeIndex = Callable[..., AnswerIndex]
"""Makes the index of rows, with the options of the model `recorded`."""


def options(path: Path | str = "answers.jsonl", **values: Any) -> RecordedModelOptions:
    """Return the options of a file."""
    return RecordedModelOptions(path=str(path), **values)
