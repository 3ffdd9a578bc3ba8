"""The fields of a JSON value, each with its path, and how two values' fields compare."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs

Leaf = tuple[str, Any]
"""The path of a field (`customer.name`, `items[0].price`) and its value in a form that compares."""

_MOST_SHOWN = 5
_NOTHING = object()


@attrs.frozen(kw_only=True)
class Reading:
    """How fields are read.

    Attributes:
        only: Paths that count, with all below them; all where it is empty.
        ignore_case: Whether upper and lower case of texts are the same.
        ignore_order: Whether the items of a list have no places; each item is then one field as a whole.
        null_is_missing: Whether a field that is null is left out.
    """

    only: tuple[str, ...] = ()
    ignore_case: bool = False
    ignore_order: bool = False
    null_is_missing: bool = False

    def leaves(self, value: Any) -> Counter[Leaf]:
        """Return the fields of a value, each as often as it is there.

        >>> sorted(path for path, _ in Reading().leaves({"a": [1, {"b": 2}], "c": {}}))
        ['a[0]', 'a[1].b', 'c']
        """
        return Counter((path, leaf) for path, leaf in self._walk(value, "", "") if leaf is not _NOTHING)

    def _walk(self, value: Any, path: str, names: str) -> Iterator[Leaf]:
        """Yield each field; `names` is its path without the places in lists."""
        if isinstance(value, dict) and value:
            for name, each in value.items():
                yield from self._walk(each, _below(path, name), _below(names, name))
        elif isinstance(value, list) and value:
            for place, each in enumerate(value):
                if self.ignore_order:
                    yield f"{path}[]", self._item(each, names)
                else:
                    yield from self._walk(each, f"{path}[{place}]", names)
        elif path or not isinstance(value, (dict, list)):  # an empty object as a whole has no fields
            yield path, self._item(value, names)

    def _item(self, value: Any, names: str) -> Any:
        """Return an item of a list as a whole; nothing where none of its fields counts."""
        if isinstance(value, dict):
            inner = ((name, self._item(each, _below(names, name))) for name, each in value.items())
            return frozenset((name, each) for name, each in inner if each is not _NOTHING) or self._empty(value, names)
        if isinstance(value, list):
            items = Counter(item for each in value if (item := self._item(each, names)) is not _NOTHING)
            return frozenset(items.items()) or self._empty(value, names)
        is_left_out = (value is None and self.null_is_missing) or not self._counts(names)
        return _NOTHING if is_left_out else self._leaf(value)

    def _empty(self, value: Any, names: str) -> Any:
        return self._leaf(value) if self._counts(names) else _NOTHING

    def _counts(self, names: str) -> bool:
        return not self.only or any(names == name or names.startswith(f"{name}.") for name in self.only)

    def _leaf(self, value: Any) -> tuple[str, Any]:
        if isinstance(value, str):
            text = " ".join(unicodedata.normalize("NFC", value).split())
            return "text", text.casefold() if self.ignore_case else text
        if isinstance(value, bool):
            return "truth", value
        if value is None or isinstance(value, (dict, list)):
            return "empty", type(value).__name__
        return "number", value  # 1 and 1.0 are equal, and so are their hashes


@attrs.frozen
class Comparison:
    """The fields of an output and of a reference. Where neither has any, all is right; where one has none, nothing is.

    Attributes:
        output: Of the output.
        reference: Of the reference.
    """

    output: Counter[Leaf]
    reference: Counter[Leaf]

    @property
    def precision(self) -> float:
        """The share of the output's fields that the reference has."""
        return self._share(self.output.total())

    @property
    def recall(self) -> float:
        """The share of the reference's fields that the output has."""
        return self._share(self.reference.total())

    @property
    def f1(self) -> float:
        """The harmonic mean of the two."""
        return self._share((self.output.total() + self.reference.total()) / 2)

    @property
    def differences(self) -> str:
        """The paths of the first fields that are wrong, missing or too many."""
        paths = dict.fromkeys(
            path or "the value" for path, _ in (self.reference - self.output) + (self.output - self.reference)
        )
        more = f" and {len(paths) - _MOST_SHOWN} more" if len(paths) > _MOST_SHOWN else ""
        return ", ".join(list(paths)[:_MOST_SHOWN]) + more

    @property
    def _common(self) -> int:
        return (self.output & self.reference).total()

    def _share(self, fields: float) -> float:
        if not self.output and not self.reference:
            return 1.0
        return self._common / fields if fields else 0.0


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
