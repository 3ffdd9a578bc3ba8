from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest  # noqa: TC002 - fixtures are annotated

from llmops_sdk.cli.output.profile import show_profile
from llmops_sdk.data.files.table import open_table
from llmops_sdk.data.profile import profile_table


def shown(
    folder: Path, rows: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], name: str = "rows.jsonl"
) -> str:
    """What is written about a file."""
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    show_profile(profile_table(open_table(folder / name)))
    return capsys.readouterr().out


def test_a_file_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its format, rows, shape, columns and lengths, and what is the prompt and the reference."""
    rows = [{"question": f"q{n}?", "context": "c" * n, "answers": ["a", "b"] if n else None} for n in range(12)]
    lines = shown(tmp_path, rows, capsys).splitlines()
    assert [
        "rows.jsonl: JSON lines, 12 rows",
        "  shape      questions with answers",
        "  columns    question (text), context (text, in 11 rows), answers (list, in 11 rows)",
        "  prompt     8 characters in the median, 15 at most",
        "             'q0?'",
        "  reference  1 characters in the median, 1 at most; 1 of 12 records have none",
    ] == lines


def test_guessed_columns_labels_and_groups_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So is a misleading name of the file."""
    rows = [{"text": f"t{n}", "label": n % 2, "thread_id": n // 2} for n in range(12)]
    text = shown(tmp_path, rows, capsys, "rows.csv")
    for part in (
        "(its name says something else; the content decides)",
        "not one of the known ones: the columns are guessed by name",
        "the same for all and 'text', ",
        "reference  'label', 1 characters",
        "labels     0, 1",
        "groups     by 'thread_id': records with the same value stay in one split",
    ):
        assert part in text


def test_a_problem_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the record, and what to do."""
    rows = [{"messages": [{"role": "user", "content": "a"}], "tools": [{}]}]
    text = shown(tmp_path, rows, capsys)
    assert "problem    record 1 of 'rows.jsonl' has 'tools': tool calls are not supported" in text


def test_a_text_in_the_data_is_no_escape_sequence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a row holds reaches no terminal."""
    assert "\x1b" not in shown(tmp_path, [{"question": "\x1b[2Jq", "answer": "\x1b[0m"}], capsys)
