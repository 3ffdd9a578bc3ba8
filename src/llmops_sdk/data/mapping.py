"""From a row to a record: by its shape, or by the columns that the user has named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.data.columns import MISSING, root_of, value_at
from llmops_sdk.data.json_values import NO_JSON, describe, is_missing, is_utf8, json_value, text_of
from llmops_sdk.data.shapes import IDENTITY, RowParts, find_shape, read_turns
from llmops_sdk.errors import DataError
from llmops_sdk.values.data import Record

INSTRUCTION, CONTEXT, RESPONSE = FIELDS = tuple(IDENTITY)
"""The fields of a record that prompts and metrics use: what is asked, what about, and the reference."""

# Fields of records that the prompts and metrics give a meaning: a row's own field of that name is left out.
_RESERVED = frozenset({*FIELDS, "messages"})


@attrs.frozen
class RowMapping:
    """How rows become records.

    Attributes:
        columns: Record field to the row's column or path, where the user has named it.
        instruction: The instruction of every record, or empty if rows have their own.
        filter: Row column to the value, or the list of values, that keeps a row.
        drop: Row fields left out of the record.
        labels: Value of a reference, as text, to its name.
        group: A column that stays in the record, even if it was read.
    """

    columns: Mapping[str, str] = attrs.field(factory=dict)
    instruction: str = ""
    filter: Mapping[str, Any] = attrs.field(factory=dict)
    drop: tuple[str, ...] = ()
    labels: Mapping[str, str] = attrs.field(factory=dict)
    group: str = ""

    def record(self, row: Record, name: str, left_out: dict[str, str]) -> dict[str, Any]:
        """Return the record of a row: the known fields in their order, then the others by name.

        Equal rows give equal bytes. A row without a reference gives a record without `response`.

        Args:
            row: The row.
            name: Its name in messages.
            left_out: Gets the fields with values that JSON cannot hold, each with the first value's type and row.

        Raises:
            DataError: The row lacks a field, or has one that is no text.
        """
        parts = self._parts(row, name)
        record: dict[str, Any] = {
            "instruction": self._instruction(parts, name, row),
            "context": self._context(parts, name, row),
        }
        references = [self.labels.get(text, text) for text in self._references(parts, name)]
        if references:
            record["response"] = references[0]
        if len(references) > 1:
            record["references"] = references
        if parts.messages:
            record["messages"] = list(parts.messages)
        for field in sorted(set(row) - parts.used - _RESERVED - set(self.drop) - set(record)):
            self._add(record, row, field, name, left_out)
        if self.group and value_at(record, self.group) is MISSING and root_of(self.group, row) in row:
            self._add(record, row, root_of(self.group, row), name, left_out)
        return record

    def _add(self, record: dict[str, Any], row: Record, field: str, name: str, left_out: dict[str, str]) -> None:
        value = json_value(row[field])
        if value is not NO_JSON and is_utf8(field):
            record[field] = value
        elif field not in left_out:
            left_out[field] = f"{describe(row[field])} in {name}"

    def _parts(self, row: Record, name: str) -> RowParts:
        """Return what the row's shape gives, with the columns that the user has named in place of its own."""
        named = {field: column for field, column in self.columns.items() if field != "messages"}
        parts = self._shaped(row, name)
        if not named:
            return parts
        values = {field: self._value(row, field, column, name) for field, column in named.items()}
        used = (parts.used - {parts.columns[field] for field in named}) | {
            root_of(column, row) for column in named.values()
        }
        if "response" in values:
            values["reference"] = values.pop("response")
        return attrs.evolve(parts, **values, columns={**parts.columns, **named}, used=used)

    def _shaped(self, row: Record, name: str) -> RowParts:
        if "messages" in self.columns:
            return read_turns(row, self.columns["messages"], name)
        shape = find_shape(row)
        parts = shape.read(row, name) if shape else None
        if parts is None or (parts.messages and "instruction" in self.columns):
            values = {field: row.get(field, MISSING) for field in FIELDS}
            return RowParts(
                instruction=values["instruction"],
                context=values["context"],
                reference=values["response"],
                columns=IDENTITY,
                used=frozenset(FIELDS),
            )
        if (
            self.instruction
            and not parts.messages
            and "instruction" not in {*self.columns, parts.columns["instruction"]}
        ):
            # The row's own question is what the one instruction for all is about.
            question = [text for text in (parts.instruction, parts.context) if isinstance(text, str) and text]
            return attrs.evolve(parts, context="\n\n".join(question))
        return parts

    def _value(self, row: Record, field: str, column: str, name: str) -> Any:
        value = value_at(row, column)
        if value is MISSING and not (field == "response" or (field == "instruction" and self.instruction)):
            raise _no_column(row, column, field, name)
        return value

    def _instruction(self, parts: RowParts, name: str, row: Record) -> str:
        if self.instruction and not parts.messages:
            return self.instruction
        if self.instruction:
            message = (
                f"{name} is a conversation, which asks its own question: remove the option 'instruction', or give the"
                " prompt 'chat' a system text"
            )
            raise DataError(message)
        column, value = parts.columns["instruction"], parts.instruction
        if value is MISSING:
            raise _no_column(row, column, INSTRUCTION, name)
        if isinstance(value, str) and value.strip() and is_utf8(value):
            return value
        is_empty = is_missing(value) or (isinstance(value, str) and not value.strip())
        raise _no_text(INSTRUCTION, column, name, "is empty" if is_empty else f"is {describe(value)}, not text")

    def _context(self, parts: RowParts, name: str, row: Record) -> str:
        del row
        text = text_of(parts.context)
        if text is None:
            raise _no_text(CONTEXT, parts.columns["context"], name, f"is {describe(parts.context)}, not text")
        return text

    def _references(self, parts: RowParts, name: str) -> list[str]:
        """Return the texts of a reference, or of a list of them, that are not empty."""
        value = parts.reference
        texts = []
        for item in value if isinstance(value, (list, tuple)) else (value,):
            text = text_of(item)
            if text is None:
                raise _no_text(RESPONSE, parts.columns["response"], name, f"is {describe(item)}, not text")
            texts.append(text)
        return [text for text in dict.fromkeys(texts) if text.strip()]


def _no_column(row: Record, column: str, field: str, name: str) -> DataError:
    return DataError(
        f"{name} has no field {column!r}; available: {', '.join(sorted(row))};"
        f" name the field of the {field} with columns: {{{field}: NAME}}"
    )


def _no_text(field: str, column: str, name: str, problem: str) -> DataError:
    return DataError(
        f"the field {column!r} of {name} {problem}; every record needs its {field} as text: correct or remove the record,"
        f" or name another field with columns: {{{field}: NAME}}"
    )
