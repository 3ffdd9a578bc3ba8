"""Names that are made from files and models."""

from __future__ import annotations

import pytest

from llmops_sdk.values.names import name_from, name_of_file, name_of_model


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a b", "a-b"), ("Été", "Ete"), ("_x-", "x"), ("你", ""), ("a" * 80, "a" * 60), ("../x", "x")],
)
def test_a_text_becomes_a_name(text: str, expected: str) -> None:
    """Of letters, digits, hyphens and underscores, which file names and resources may have."""
    assert expected == name_from(text)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.jsonl.gz", "a"),
        ("held_out.csv", "held_out"),
        ("v1.5.parquet", "v1-5"),
        (".jsonl", "jsonl"),
        ("dir/no suffix", "no-suffix"),
        ("2024.12.csv", "2024-12"),
    ],
)
def test_a_file_has_its_name_without_suffixes(path: str, expected: str) -> None:
    """A number after a dot is no suffix."""
    assert expected == name_of_file(path)


@pytest.mark.parametrize(("model", "expected"), [("o/llama3.2:3b", "llama3-2-3b"), ("a.b", "a-b"), ("out/", "out")])
def test_a_model_has_its_own_name_without_its_owner(model: str, expected: str) -> None:
    """What follows its last slash; dots are part of it."""
    assert expected == name_of_model(model)
