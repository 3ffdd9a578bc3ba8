"""Fields of a row, and those inside other fields."""

from __future__ import annotations

from llmops_plugins.recorded.fields import field_of, paths_of

ROW = {"id": 1, "usage": {"prompt_tokens": 7}, "a.b": 2, "choices": [{"text": "x"}]}


def test_a_field_is_found_by_its_path() -> None:
    """A name with a dot in it is a name first; what a row does not have is None."""
    assert (1, 7, 2, "x") == tuple(
        field_of(ROW, path) for path in ("id", "usage.prompt_tokens", "a.b", "choices[0].text")
    )
    assert (None, None, None) == tuple(field_of(ROW, path) for path in ("", "gone", "usage.gone"))


def test_all_paths_of_a_row() -> None:
    """Objects are entered, lists are not."""
    assert ["id", "usage", "usage.prompt_tokens", "a.b", "choices"] == list(paths_of(ROW))
