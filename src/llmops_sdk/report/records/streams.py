"""The samples of several cells side by side, read as streams: one record at a time is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from llmops_sdk.errors import RecordError
from llmops_sdk.values.samples import Sample


@attrs.frozen
class Row:
    """One test record with what all cells have of it.

    Attributes:
        index: The record's place, from 0.
        samples: Cell name to its samples: one for each answer to the record.
    """

    index: int
    samples: Mapping[str, list[Sample]]

    @property
    def first(self) -> Sample:
        """A sample of the record."""
        return next(iter(self.samples.values()))[0]


@attrs.define
class SideBySide:
    """The rows of cells whose samples are in the order of the same test split.

    Attributes:
        samples: Cell name to its samples.
        damages: Cell name to what cannot be read of its samples; complete once all rows were read.
    """

    samples: Mapping[str, Iterable[Sample]]
    damages: dict[str, str] = attrs.field(factory=dict)

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows in the order of the test split."""
        groups = {cell: self._groups(cell, samples) for cell, samples in self.samples.items()}
        heads = {cell: next(group, None) for cell, group in groups.items()}
        while places := [head.index for head in heads.values() if head is not None]:
            index = min(places)
            row = {cell: head.samples for cell, head in heads.items() if head is not None and head.index == index}
            yield Row(index, row)
            heads |= {cell: next(groups[cell], None) for cell in row}

    def _groups(self, cell: str, samples: Iterable[Sample]) -> Iterator[_Group]:
        group: _Group | None = None
        try:
            for sample in samples:
                if group is not None and group.index != sample.index:
                    yield group
                    group = None
                group = group or _Group(sample.index, [])
                group.samples.append(sample)
        except RecordError as exc:
            self.damages[cell] = str(exc)
        if group is not None:
            yield group


@attrs.frozen
class _Group:
    """The samples of one record and one cell."""

    index: int
    samples: list[Sample]
