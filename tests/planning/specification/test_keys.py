from __future__ import annotations

import re

import pytest

from llmops_sdk import SpecError
from llmops_sdk.planning.specification.keys import check_keys, short


@pytest.mark.parametrize(
    ("key", "hint", "message"),
    [
        ("margins", "", "a.yaml has an unknown key 'margins'; did you mean 'margin'?"),
        ("other", "; amounts are in USD", "a.yaml has an unknown key 'other'; amounts are in USD"),
        (3, "", "a.yaml has an unknown key 3; known: margin, use"),
        ("x" * 500, "", f"a.yaml has an unknown key '{'x' * 79}…; known: margin, use"),
    ],
    ids=["misspelt", "hint", "number", "long"],
)
def test_another_key_is_named(key: object, hint: str, message: str) -> None:
    """With one that is written alike, or with a hint; a long one is cut."""
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        check_keys({"margin": 1, key: 2}, ("margin", "use"), "a.yaml", hint)


def test_known_keys_pass() -> None:
    """Not all of them must be there."""
    check_keys({"use": 1}, ("margin", "use"), "a.yaml")


def test_short_values_are_shown_whole() -> None:
    """As Python writes them."""
    assert "{'a': 1}" == short({"a": 1})
