"""What is checked before a run: the file, and the first record of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.recorded import preflight
from llmops_sdk import DataError
from llmops_sdk.plugin import Finding, TextPrompt

from .rows import options, write_jsonl

ROWS = [{"id": 1, "prompt": "Say", "output": "Hi"}, {"id": 2, "prompt": "Ask", "output": "What?"}]


def test_a_file_that_can_be_used(tmp_path: Path) -> None:
    """Its rows are counted, and the fields are named that were chosen."""
    path = write_jsonl(tmp_path / "a.jsonl", ROWS)

    text = "2 rows with answers in 'output', joined by the ID ('id'), or by the input text ('prompt'): whichever finds more"
    assert Finding("ok", text) == preflight.check_file(options(path))
    text = "2 rows with answers in 'output', joined by the ID ('id')"
    assert Finding("ok", text) == preflight.check_file(options(path, id="id"))


def test_two_answers_for_one_id_are_found_before_the_run(tmp_path: Path) -> None:
    """If no other join is left."""
    path = write_jsonl(tmp_path / "a.jsonl", [*ROWS, {"id": 1, "prompt": "Tell", "output": "Ho"}])

    text = "row 1 and row 3 of 'a.jsonl' have different answers for '1': remove one of them"
    assert Finding("error", text) == preflight.check_file(options(path, id="id"))
    assert "ok" == preflight.check_file(options(path)).status


def test_of_a_large_file_only_the_first_rows_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading all of it would take longer than a plan should."""
    monkeypatch.setattr(preflight, "_LARGE", 10)
    path = write_jsonl(tmp_path / "a.jsonl", ROWS)

    assert preflight.check_file(options(path)).text.endswith("of a file this large, only the first rows were checked")
    text = "'a.jsonl' is matched when the run asks, because it is large"
    assert Finding("ok", text) == preflight.check_records(options(path), asked({"id": 1}), is_whole=True)


def test_the_first_record_shows_the_join(tmp_path: Path) -> None:
    """Which one finds its answer, and where; none is a warning, since it may become a training record."""
    path = write_jsonl(tmp_path / "a.jsonl", ROWS)

    def first(record: dict[str, Any], **named: str) -> Finding:
        return preflight.check_records(options(path, **named), asked(record), is_whole=False)

    assert Finding("ok", "row 2 answers it, joined by 'prompt'; answers in 'output'") == first({"instruction": "Ask"})
    assert Finding("ok", "row 1 answers it, joined by 'id'; answers in 'output'") == first({"id": "1"})
    warning = first({"id": 3}, id="id")
    assert ("warning", "'a.jsonl' has no answer for it, joined by 'id'; answers in 'output'") == (
        warning.status,
        warning.text,
    )


def test_the_test_records_of_a_small_dataset_are_counted(tmp_path: Path) -> None:
    """All, some, or none of them have an answer; none is an error."""
    path = write_jsonl(tmp_path / "a.jsonl", ROWS)

    def whole(*numbers: int) -> Finding:
        records = asked(*({"id": number} for number in numbers))
        return preflight.check_records(options(path), records, is_whole=True)

    by = "joined by 'id'; answers in 'output'"
    assert Finding("ok", f"2 of 2 have an answer, {by}") == whole(1, 2)
    assert Finding("warning", f"1 of 2 have an answer, {by}; the first without one is record 1") == whole(1, 3)
    assert ("error", f"0 of 1 have an answer, {by}") == (whole(4).status, whole(4).text)


def asked(*records: dict[str, Any]) -> list[tuple[dict[str, Any], TextPrompt]]:
    """Return records with their prompts."""
    return [(record, TextPrompt("Q")) for record in records]


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """The message names it."""
    with pytest.raises(DataError, match="does not exist"):
        preflight.check_file(options(tmp_path / "gone.jsonl"))
