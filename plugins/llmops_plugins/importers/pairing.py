"""What pairs the rows of other tools' files: their own hash or ID, or a field that the user names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from llmops_plugins.importers.options import ToolImportOptions
from llmops_plugins.importers.values import shown, text_of
from llmops_sdk.plugin import DataError, Record, id_text, text_fingerprint, value_at


@attrs.frozen(kw_only=True)
class Texts:
    """What must be equal for one record: the texts, and the tool's own hashes of them, where it has any.

    Attributes:
        prompt: What the model was asked.
        target: The reference.
        prompt_hash: The tool's hash of the prompt.
        target_hash: The tool's hash of the reference.
    """

    prompt: str = ""
    target: str = ""
    prompt_hash: str = ""
    target_hash: str = ""


@attrs.frozen
class Pairing:
    """What pairs the rows of a file.

    Attributes:
        options: Those of the importer.
    """

    options: ToolImportOptions

    def key(self, own: str, record: Record, where: str) -> str:
        """Return the key of a row.

        Args:
            own: The tool's key of the record, used where the user names no field.
            record: The record.
            where: The row's name in messages.

        Raises:
            DataError: The record lacks the field that the user names.
        """
        if not self.options.id:
            return own
        key = id_text(value_at(record, self.options.id, None))
        if not key:
            message = (
                f"{where} has nothing in the field {self.options.id!r}, which 'id' names; its record: {shown(record)}"
            )
            raise DataError(message)
        return key

    def must_agree(self, texts: Texts) -> dict[str, str]:
        """Return what must be equal for the records of one key.

        A tool's hashes can be compared with its own only: where the user names a field, files of several tools can be
        paired, and the texts count.
        """
        hashes = {} if self.options.id else {"prompt": texts.prompt_hash, "target": texts.target_hash}
        values = {"prompt": text_fingerprint(texts.prompt), "target": text_fingerprint(texts.target)}
        return {name: hashes.get(name) or value for name, value in values.items() if hashes.get(name) or value}

    def group(self, record: Record) -> str:
        """Return the group of a row, by the field that the user names; empty without one."""
        return id_text(value_at(record, self.options.group, None)) if self.options.group else ""


_GENERATION = {
    "temperature": "generation temperature",
    "top_p": "generation top_p",
    "top_k": "generation top_k",
    "seed": "generation seed",
    "max_tokens": "generation max_tokens",
    "max_gen_toks": "generation max_tokens",
    "max_completion_tokens": "generation max_tokens",
    "max_new_tokens": "generation max_tokens",
    "until": "generation stop",
    "stop": "generation stop",
    "stop_seqs": "generation stop",
    "do_sample": "generation do_sample",
    "frequency_penalty": "generation frequency_penalty",
    "presence_penalty": "generation presence_penalty",
    "reasoning_effort": "generation reasoning_effort",
    "reasoning_tokens": "generation reasoning_tokens",
    "system_message": "generation system_message",
}


def generation_options(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what must be equal of the options that answers were generated with, under one name for all tools.

    >>> generation_options({"max_gen_toks": 12, "until": ["."], "temperature": 0.0, "timeout": 5})
    {'generation max_tokens': '12', 'generation stop': '["."]', 'generation temperature': '0'}
    """
    options = {}
    for name, value in values.items():
        if name in _GENERATION and value is not None:
            is_number = isinstance(value, float) and value.is_integer()
            options[_GENERATION[name]] = text_fingerprint(text_of(int(value) if is_number else value))
    return options
