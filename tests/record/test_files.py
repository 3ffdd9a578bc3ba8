"""Typed JSON files of a store: a damaged one is an error that names it."""

from __future__ import annotations

import pytest

from llmops_sdk import RecordError
from llmops_sdk.record.files import read_json, read_value, to_value
from llmops_sdk.record.stores import Store
from llmops_sdk.values.artifacts import SamplesValue


def test_a_file_is_read_into_its_class(store: Store) -> None:
    """A missing one is None."""
    store.put("a/file.json", b'{"records": 3}')

    assert SamplesValue(3) == read_value(store, "a/file.json", SamplesValue)
    assert read_value(store, "a/none.json", SamplesValue) is None


def test_a_truncated_file_is_an_error_with_its_location(store: Store) -> None:
    """With the reason of the JSON reader."""
    store.put("a/file.json", b'{"records": ')

    with pytest.raises(RecordError, match=r"the file '.*a/file\.json' is damaged: Expecting value"):
        read_json(store, "a/file.json")


def test_a_file_of_another_form_is_an_error_with_its_location(store: Store) -> None:
    """With the field that does not fit."""
    with pytest.raises(RecordError, match=r"a/file\.json' is damaged: expected a whole number, found '3' in records"):
        to_value({"records": "3"}, SamplesValue, store, "a/file.json")
