from __future__ import annotations

import pytest

from llmops_plugins.importers.options import ToolImportOptions
from llmops_plugins.importers.pairing import Pairing, Texts, generation_options
from llmops_sdk.errors import DataError

RECORD = {"instruction": "Hi?", "doc": {"id": 7.0, "document": "d1"}}
TEXTS = Texts(prompt="Hi  there", target="Yes", prompt_hash="9d3b")


def test_the_tools_own_key_and_hashes_pair_rows() -> None:
    """Where it has no hash, the text counts."""
    pairing = Pairing(ToolImportOptions())

    assert ("own", "") == (pairing.key("own", RECORD, "row 1"), pairing.group(RECORD))
    assert {"prompt": "9d3b", "target": "Yes"} == pairing.must_agree(TEXTS)


def test_a_field_pairs_rows_of_several_tools() -> None:
    """Then texts must agree except for spaces, because a hash is of one tool only."""
    pairing = Pairing(ToolImportOptions(id="doc.id", group="doc.document"))

    assert ("7", "d1") == (pairing.key("own", RECORD, "row 1"), pairing.group(RECORD))
    assert {"prompt": "Hi there", "target": "Yes"} == pairing.must_agree(TEXTS)


def test_a_record_without_the_field_is_refused() -> None:
    """The message shows the record, which has the right name in it."""
    with pytest.raises(
        DataError, match=r"^row 1 has nothing in the field 'doc.key', which 'id' names; its record: \{'instruction'"
    ):
        Pairing(ToolImportOptions(id="doc.key")).key("own", RECORD, "row 1")


def test_options_of_the_generation_have_one_name_for_all_tools() -> None:
    """What is about connections does not count, and 0 is 0.0."""
    assert generation_options({"max_tokens": 5, "stop_seqs": ["a"], "temperature": 0, "api_key": "sk-1"}) == (
        generation_options({"max_gen_toks": 5, "until": ["a"], "temperature": 0.0, "timeout": 3, "seed": None})
    )
