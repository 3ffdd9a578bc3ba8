"""A record of `retention` that is trained on is found before any training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import DataError
from llmops_sdk.plugin import Split
from llmops_sdk.steps.retention.overlap import refuse_equal


def split(path: Path, *rows: dict[str, Any]) -> Split:
    """A split with these records."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Split(path, len(rows), sha256=path.name)


def test_equal_questions_are_named(tmp_path: Path) -> None:
    """Case, spaces and the response make no difference; the first one is shown, with their number."""
    asked = [{"instruction": f"Name  number {n}", "response": "x"} for n in range(3)]
    trained = [{"instruction": "name number 2", "context": "", "response": "y"}, {"instruction": "Name number 1 "}]

    with pytest.raises(DataError) as caught:
        refuse_equal(split(tmp_path / "a", *asked), split(tmp_path / "b", *trained), "general", "sales")

    assert str(caught.value) == (
        "retention: 2 records are in the dataset 'general' and in the train split of 'sales', such as record 1 (train record 1), "
        "'Name number 1': what is trained on shows nothing about what is lost; remove it from one of the two"
    )


def test_other_questions_pass(tmp_path: Path) -> None:
    """The same instruction on another text is another question; so is the same turn after other turns."""
    asked = split(tmp_path / "a", {"instruction": "summarize", "context": "a"}, {"prompt": "p", "label": "x"})
    trained = split(tmp_path / "b", {"instruction": "summarize", "context": "b"}, {"prompt": "q", "label": "x"})

    refuse_equal(asked, trained, "general", "sales")
