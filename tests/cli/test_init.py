from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline

from .conftest import Command

TURNS = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    """Write a file of rows, and return its name."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path.name


def questions(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows of questions."""
    return [{"question": f"q{n}?", "answer": f"a{n}"} for n in range(start, start + count)]


def fits() -> bool:
    """Whether the written specification is one that can be planned."""
    return bool(Pipeline.from_yaml("rows.yaml").plan(offline=True).cells)


def test_a_specification_is_written_and_planned(llmops: Command, folder: Path) -> None:
    """It shows what it found, and what it wrote has a plan."""
    outcome = llmops("init", write(folder / "rows.jsonl", questions(30)))
    assert "questions with answers" in outcome.text
    assert "wrote rows.yaml; check it with: llmops plan rows.yaml; run it with: llmops run rows.yaml" in outcome.text
    assert fits()


def test_a_specification_is_not_overwritten(llmops: Command, folder: Path) -> None:
    """Unless asked for."""
    name = write(folder / "rows.jsonl", questions(3))
    (folder / "rows.yaml").write_text("mine")
    outcome = llmops("init", name, code=2)
    assert "mine" == (folder / "rows.yaml").read_text()
    assert "'rows.yaml' exists: name another file with --output, or replace it with --force" in outcome.err
    llmops("init", name, "-o", "new/other.yaml")
    assert (folder / "new" / "other.yaml").is_file()
    llmops("init", name, "--force")
    assert "mine" != (folder / "rows.yaml").read_text()


def test_a_second_file_is_test_records_or_answers(llmops: Command, folder: Path) -> None:
    """Other questions in the same shape are test records; the same questions, or IDs only, have answers."""
    name = write(folder / "rows.jsonl", questions(30))
    test = llmops("init", name, write(folder / "test.jsonl", questions(5, 100)))
    assert "used as test records" in test.text
    assert "test_path: test.jsonl" in (folder / "rows.yaml").read_text()
    for rows in (questions(30), [{"id": n, "output": f"x{n}"} for n in range(30)]):
        answers = llmops("init", name, write(folder / "old.jsonl", rows), "--force")
        assert "used as recorded answers, a candidate beside the others" in answers.text
        assert "{use: recorded, name: recorded, path: old.jsonl}" in (folder / "rows.yaml").read_text()


def test_an_encoding_is_kept(llmops: Command, folder: Path) -> None:
    """In the specification."""
    (folder / "rows.csv").write_bytes("question;answer\ncaf\u00e9?;a\nb?;c\n".encode("cp1252"))
    assert "set its encoding, for example encoding: windows-1252" in llmops("init", "rows.csv", code=2).err
    llmops("init", "rows.csv", "--encoding", "windows-1252")
    assert "encoding: cp1252" in (folder / "rows.yaml").read_text()
    assert fits()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.jsonl",), "the data file 'none.jsonl' does not exist"),
        (
            ("bad.jsonl",),
            "no specification was written: record 1 of 'bad.jsonl' has 'tools': tool calls are not supported",
        ),
        (("rows.jsonl", "--encoding", "utf8000"), "no text encoding is called 'utf8000'"),
        (("page.csv",), "is an HTML page, not data: download the file itself"),
    ],
)
def test_what_cannot_be_used_is_an_error(
    llmops: Command, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    """In one line, and no file is written."""
    write(folder / "rows.jsonl", questions(3))
    write(folder / "bad.jsonl", [{"messages": TURNS, "tools": [{}]}])
    (folder / "page.csv").write_text("<html>")
    assert message in llmops("init", *arguments, code=2).err
    assert ["echoes.yaml"] == [path.name for path in folder.glob("*.yaml")]
