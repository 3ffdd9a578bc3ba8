from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.data import profile
from llmops_sdk.data.files.table import open_table
from llmops_sdk.data.profile import FileProfile, middle, profile_table


def profile_of(folder: Path, rows: list[dict[str, Any]]) -> FileProfile:
    """The profile of a file of rows."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return profile_table(open_table(path))


def test_rows_of_a_known_shape(tmp_path: Path) -> None:
    """No column is guessed; lengths are of what is asked and of the reference."""
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "yes"}]
    found = profile_of(tmp_path, [{"messages": turns, "id": n} for n in range(5)] + [{"messages": turns[:1], "id": 6}])
    assert found.shape is not None
    assert ("messages", {}, 6, 5) == (found.shape.name, found.mapping.columns, found.rows, found.answered)
    assert ((8,) * 6, (3, 3, 3, 3, 3, 0)) == (found.inputs, found.references)
    assert [("messages", "conversation"), ("id", "number")] == [(column.name, column.kind) for column in found.columns]


@pytest.mark.parametrize(
    ("row", "columns", "instruction"),
    [
        ({"article": "long text", "highlights": "short"}, {"context": "article", "response": "highlights"}, "Summarize the text."),
        ({"inputs": {"question": "q"}, "outputs": {"answer": "a"}}, {"instruction": "inputs.question", "response": "outputs.answer"}, ""),
        ({"translation": {"en": "a", "de": "b"}}, {"context": "translation.en", "response": "translation.de"}, "Translate the text to de."),
        ({"id": "1", "body_text": "the longest text"}, {"context": "body_text"}, "Answer briefly."),
        ({"q": "question", "chat_log": [{"role": "user", "content": "a"}]}, {"messages": "chat_log"}, ""),
        ({"query": "q", "answers": {"text": ["a"]}}, {"instruction": "query", "response": "answers.text"}, ""),
        ({"text": "a", "label": None, "gold": "x"}, {"context": "text", "response": "gold"}, "Answer briefly."),
    ],
)  # fmt: skip
def test_columns_are_guessed_by_their_names(
    tmp_path: Path, row: dict[str, Any], columns: dict[str, str], instruction: str
) -> None:
    """Also inside structures; without a usual name, the longest text is what is asked about."""
    found = profile_of(tmp_path, [row, row])
    assert found.shape is None
    assert (columns, instruction) == (found.mapping.columns, found.mapping.instruction)


def test_few_repeated_words_are_labels(tmp_path: Path) -> None:
    """Then the instruction lists them; many, long or single ones are no labels."""
    found = profile_of(tmp_path, [{"text": f"t{n}", "label": n % 2} for n in range(8)])
    assert ("0", "1") == found.labels
    assert "Which of these labels fits the text: 0, 1? Answer with the label only." == found.mapping.instruction
    for labels in (["a b", "c"] * 4, [str(n) for n in range(8)], ["yes", "Yes"] * 4, ["same"] * 8):
        rows = [{"text": f"t{n}", "label": label} for n, label in enumerate(labels)]
        assert () == profile_of(tmp_path, rows).labels


def test_a_column_that_joins_rows_is_their_group(tmp_path: Path) -> None:
    """By its name, and because values repeat."""
    rows = [{"question": f"q{n}", "answer": "a", "row_id": n, "conversation_id": n // 2} for n in range(12)]
    assert "conversation_id" == profile_of(tmp_path, rows).group
    assert "" == profile_of(tmp_path, [{**row, "conversation_id": row["row_id"]} for row in rows]).group


def test_a_row_that_is_no_record_is_reported(tmp_path: Path) -> None:
    """The others are profiled all the same."""
    found = profile_of(tmp_path, [{"question": "q", "answer": "a"}, {"question": 5, "answer": "b"}])
    assert "record 2 of 'rows.jsonl' has no field 'instruction'" in found.problem
    assert 1 == len(found.inputs)


def test_many_rows_are_counted_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a file takes seconds."""
    monkeypatch.setattr(profile, "MOST_COUNTED", 20)
    monkeypatch.setattr(profile, "_PROFILED", 10)
    found = profile_of(tmp_path, [{"question": f"q{n}"} for n in range(30)])
    assert (20, False, 10) == (found.rows, found.is_counted, len(found.inputs))


def test_the_middle_of_lengths() -> None:
    """Rounded down; there may be none."""
    assert [0, 2, 2] == [middle(lengths) for lengths in ([], [1, 4], [9, 2, 1])]
