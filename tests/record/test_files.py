"""Typed JSON files of a store: a damaged one is an error that names it."""

from __future__ import annotations

import pytest

from llmops_sdk import RecordError
from llmops_sdk.record.files import SEAL, read_json, read_value, seal, sealed, to_value, unsealed
from llmops_sdk.record.stores import Store
from llmops_sdk.values.artifacts import SamplesValue
from llmops_sdk.values.serial import canonical, digest


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


def test_a_file_of_the_record_is_its_content_with_its_hash() -> None:
    """In the canonical form, as versions before wrote it; what is read back is what was written."""
    content = {"z": [1.5, None], "a": {"sha256": "of something else"}, "é": "\n"}
    text = canonical({**content, SEAL: digest(content)})

    assert text == sealed(content)
    assert seal(content) == unsealed(text)
    assert digest(content) == unsealed(text).seal
