"""The lists of models that servers return."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins._openai_api.models import model_names


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        ({"object": "list", "data": [{"id": "a"}, {"id": "b", "name": "b", "aliases": ["c", 1]}]}, ["a", "b", "c"]),
        ([{"name": "bare"}, "no object"], ["bare"]),
        ({"data": []}, []),
        ({"models": [{"id": "a"}]}, None),
        ("a page", None),
    ],
)
def test_names_come_from_openais_object_or_a_bare_list(listed: Any, names: list[str] | None) -> None:
    """With aliases, each once; None for what lists no models."""
    assert names == model_names(listed)
