"""The models that a server lists."""

from __future__ import annotations

from typing import Any


def model_names(listed: Any) -> list[str] | None:
    """Return the names in a list of models: OpenAI's object with `data`, or a bare list; None for anything else.

    >>> model_names({"object": "list", "data": [{"id": "small"}, {"id": "large", "aliases": ["big"]}]})
    ['small', 'large', 'big']
    """
    items = listed.get("data") if isinstance(listed, dict) else listed
    if not isinstance(items, list):
        return None
    names: list[str] = []
    for item in items:
        if isinstance(item, dict):
            aliases = item.get("aliases")
            every = [item.get("id"), item.get("name"), *(aliases if isinstance(aliases, list) else [])]
            names += [name for name in every if isinstance(name, str)]
    return list(dict.fromkeys(names))
