"""A substitute for `inspect_ai.log`, which is no part of the test environment: it reads the JSON form of a log.

`make check-importers` reads logs with the library itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any


class Fields:
    """An object of the library, by its JSON; a field that is missing is None."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_values":
            raise AttributeError(name)
        return _value(name, self._values.get(name))

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """Return the JSON."""
        return {name: value for name, value in self._values.items() if value is not None}


def _value(name: str, value: Any) -> Any:
    if name == "scores":
        return {scorer: Fields(score) for scorer, score in (value or {}).items()}
    if isinstance(value, dict) and name not in ("metadata", "packages", "options", "value"):
        return Fields(value)
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [Fields(item) for item in value]
    return value


def make_library() -> ModuleType:
    """Return the module, with the functions that are used of it."""
    library = ModuleType("inspect_ai.log")

    def read_eval_log(path: str, *, header_only: bool) -> Fields:
        assert header_only
        return Fields(json.loads(Path(path).read_text()))

    def read_eval_log_sample_summaries(path: str) -> list[Fields]:
        samples = json.loads(Path(path).read_text()).get("samples") or []
        return [Fields({**sample, "error": (sample.get("error") or {}).get("message")}) for sample in samples]

    def read_eval_log_samples(path: str, *, all_samples_required: bool, resolve_attachments: bool) -> Iterator[Fields]:
        assert not all_samples_required
        assert resolve_attachments
        yield from map(Fields, json.loads(Path(path).read_text()).get("samples") or [])

    for function in (read_eval_log, read_eval_log_sample_summaries, read_eval_log_samples):
        setattr(library, function.__name__, function)
    return library
