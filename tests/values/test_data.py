from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk.errors import SpecError
from llmops_sdk.values.data import Split, record_label
from llmops_sdk.values.secrets import Secret


@pytest.mark.parametrize("text", ["hf_abcdefSECRET", "env:", "", "ENV:TOKEN_SECRET", "env HF_SECRET"])
def test_a_secret_is_only_ever_a_reference(text: str) -> None:
    """A secret's own text is refused, and the message does not repeat it."""
    with pytest.raises(SpecError) as caught:
        Secret(text)
    assert "write" in str(caught.value) or "written" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert not text or text == "env:" or text not in str(caught.value)


def test_a_secret_is_read_where_it_is_revealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference is what is shown; the text comes from the environment at the moment of need."""
    secret = Secret("env:LLMOPS_TEST_SECRET")
    monkeypatch.setenv("LLMOPS_TEST_SECRET", "s3cret")
    assert secret.reveal() == "s3cret"
    assert "s3cret" not in repr(secret)
    monkeypatch.setenv("LLMOPS_TEST_SECRET", "changed")
    assert secret.reveal() == "changed"


def test_a_secret_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which environment variable to set."""
    monkeypatch.delenv("LLMOPS_TEST_SECRET", raising=False)
    with pytest.raises(SpecError, match="set the environment variable 'LLMOPS_TEST_SECRET'"):
        Secret("env:LLMOPS_TEST_SECRET").reveal()


def test_a_split_gives_its_records_in_order_each_time(tmp_path: Path) -> None:
    """A split can be read more than once, and line separators inside a text do not end a record."""
    records = [{"instruction": "ä\u2028b"}, {"instruction": "second", "n": 1}]
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records))
    split = Split(path, records=2, sha256="")
    assert records == list(split)
    assert records == list(split)


def test_a_split_is_read_as_a_stream(tmp_path: Path) -> None:
    """The first record is there before the last line, which is broken, has been looked at."""
    path = tmp_path / "train.jsonl"
    path.write_text('{"instruction": "first"}\nbroken\n')
    assert next(iter(Split(path, records=2, sha256=""))) == {"instruction": "first"}


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"context": "text", "instruction": "Summarize this."}, "record 4 ('Summarize this.')"),
        ({"question": "x" * 50}, f"record 4 ({'x' * 40!r})"),
        ({}, "record 4"),
    ],
)
def test_a_record_is_called_by_its_place_and_first_words(record: dict[str, Any], name: str) -> None:
    """Messages quote the instruction, or the first field where there is none."""
    assert name == record_label(record, 4)
