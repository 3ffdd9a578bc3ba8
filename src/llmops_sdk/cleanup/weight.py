"""What files weigh: the bytes that are free once they are gone, where several names may lead to the same bytes."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from llmops_sdk.record.stores import StoredFile


@attrs.define
class Weight:
    """The files of one run, artifact or plan.

    Attributes:
        keys: Their keys.
        size: The bytes of those that share them with no other file.
        linked: The bytes of the others, by their identities, each with the number of names in these files and in all.
        modified: When the newest of them was written, in seconds since the epoch; None where the store does not know.
    """

    keys: list[str] = attrs.field(factory=list)
    size: int = 0
    linked: dict[str, Linked] = attrs.field(factory=dict)
    modified: float | None = None

    def add(self, file: StoredFile) -> None:
        """Count a file."""
        self.keys.append(file.key)
        if file.modified is not None:
            self.modified = max(file.modified, self.modified or 0.0)
        if not file.identity:
            self.size += file.size
            return
        linked = self.linked.setdefault(file.identity, Linked(file.size, file.links))
        linked.names += 1


@attrs.define
class Linked:
    """Bytes with several names.

    Attributes:
        size: The bytes.
        links: The number of all names.
        names: The number of those that are counted here.
    """

    size: int
    links: int
    names: int = 0


def freed_bytes(weights: Iterable[Weight]) -> int:
    """Return the bytes that are free once all of these files are gone: linked ones count if no other name is left."""
    total = 0
    linked: dict[str, Linked] = {}
    for weight in weights:
        total += weight.size
        for identity, one in weight.linked.items():
            linked.setdefault(identity, Linked(one.size, one.links)).names += one.names
    return total + sum(one.size for one in linked.values() if one.names >= one.links)


def stored_bytes(weights: Iterable[Weight]) -> int:
    """Return the bytes that files take: linked ones count once."""
    total = 0
    linked: dict[str, int] = {}
    for weight in weights:
        total += weight.size
        linked |= {identity: one.size for identity, one in weight.linked.items()}
    return total + sum(linked.values())
