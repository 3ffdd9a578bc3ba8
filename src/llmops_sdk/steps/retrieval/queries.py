"""What is searched for: a text of each record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from llmops_sdk.data.near_duplicates import input_text
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record, Split


@attrs.frozen
class Queries:
    """The queries of one prompt on one dataset.

    Attributes:
        dataset: The dataset's name.
        prompt: The prompt's name.
        split: Whose records are the queries: `test` or `train`.
    """

    dataset: str
    prompt: str
    split: str = "test"

    def of(self, split: str) -> Queries:
        """Return the queries of another split."""
        return attrs.evolve(self, split=split)

    def texts(self, split: Split, field: str) -> Iterator[str]:
        """Yield the query of each record.

        Args:
            split: The records.
            field: The field to search with; empty means the instruction and the context.

        Raises:
            DataError: A record lacks the field, or it is no text.
        """
        for place, record in enumerate(split):
            if not field:
                yield input_text(record)
                continue
            value = record.get(field)
            if not isinstance(value, str):
                problem = (
                    f"has {field!r} as {value!r}, which is no text" if field in record else f"has no field {field!r}"
                )
                message = (
                    f"{self.split} record {place} {problem}, and `query` names it; its fields: {', '.join(record)}"
                )
                raise DataError(message)
            yield value

    @staticmethod
    def searched(records: Iterable[Record]) -> list[str]:
        """Return what is searched of train records: their instruction and their context."""
        return [input_text(record) for record in records]
