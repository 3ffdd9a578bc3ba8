"""Typed JSON files of a store. Those of the record hold the hash of what they hold: a changed one is noticed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.errors import RecordError
from llmops_sdk.record.stores import Store
from llmops_sdk.values.serial import canonical, digest, digest_of, explain, from_json

SEAL = "sha256"
"""The key with the hash of all other keys."""


@attrs.frozen
class Sealed:
    """A JSON file of the record.

    Attributes:
        text: The file.
        content: What it holds, without its hash.
        seal: Its hash; empty where version 0.1 wrote it.
    """

    text: bytes
    content: Any
    seal: str


def seal(data: Mapping[str, Any]) -> Sealed:
    """Return a JSON object as a file of the record: the same as `canonical` with one more key, its `digest`."""
    # In two parts, each encoded once: there may be many megabytes.
    before = canonical({key: value for key, value in data.items() if key < SEAL})[1:-1]
    after = canonical({key: value for key, value in data.items() if key > SEAL})[1:-1]
    own = digest_of(_object(before, after))
    return Sealed(_object(before, b'"%b":"%b"' % (SEAL.encode(), own.encode()), after), data, own)


def sealed(data: Mapping[str, Any]) -> bytes:
    """Return a JSON object as a file of the record, with its hash.

    >>> sealed({"a": 1})[:19]
    b'{"a":1,"sha256":"b7'
    """
    return seal(data).text


def unsealed(text: bytes) -> Sealed:
    """Return a file of the record; those of version 0.1 have no hash.

    Raises:
        ValueError: It is no JSON, or was changed.
    """
    try:
        data = json.loads(text)
    except RecursionError as exc:
        message = "it is nested too deeply"
        raise ValueError(message) from exc
    if not isinstance(data, dict) or SEAL not in data:
        return Sealed(text, data, "")
    own = data.pop(SEAL)
    if own != digest(data):
        message = "it was changed: its hash is another one"
        raise ValueError(message)
    return Sealed(text, data, own)


def sealed_again(text: bytes) -> bytes:
    """Return a file of the record whose content was changed on purpose, with its new hash; one without a hash as it is."""
    data = json.loads(text)
    if not isinstance(data, dict) or SEAL not in data:
        return text
    return sealed({key: value for key, value in data.items() if key != SEAL})


def read_json(store: Store, key: str) -> Any:
    """Return the JSON that `key` holds, or None where there is no such file.

    Raises:
        RecordError: The file is damaged.
    """
    data = store.get(key)
    if data is None:
        return None
    try:
        return unsealed(data).content
    except ValueError as exc:
        raise damaged(store, key, str(exc)) from exc


def to_value(data: Any, cls: Any, store: Store, key: str) -> Any:
    """Make a value of `cls` of the JSON that `key` holds.

    Raises:
        RecordError: The JSON does not fit.
    """
    try:
        return from_json(data, cls)
    except Exception as exc:
        raise damaged(store, key, explain(exc)) from exc


def read_value(store: Store, key: str, cls: Any) -> Any:
    """Return the value of `cls` that `key` holds, or None where there is no such file.

    Raises:
        RecordError: The file is damaged.
    """
    data = read_json(store, key)
    return None if data is None else to_value(data, cls, store, key)


def damaged(store: Store, key: str, reason: str) -> RecordError:
    """Return the error that a file of a store cannot be read."""
    return RecordError(f"the file {store.locate(key)!r} is damaged: {reason}")


def _object(*parts: bytes) -> bytes:
    return b"{%b}" % b",".join(part for part in parts if part)
