"""What steps made, once, to be used again: the finished artifacts of a store."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import RecordError
from llmops_sdk.record.files import damaged, seal, sealed_again, unsealed
from llmops_sdk.record.layout import ARTIFACTS, ArtifactLayout, address_of
from llmops_sdk.record.marks import FileMark
from llmops_sdk.record.schema1 import upgrade_artifact
from llmops_sdk.record.stores import Store
from llmops_sdk.values.serial import from_json, to_json

ARTIFACT_SCHEMA = 2
"""The version of the form of values. Version 1 is read too: `record/schema1.py`."""

_FILES = "files"

_WITHDRAWN = "withdrawn"
"""The key of the text that a withdrawn artifact had as its value."""

_WITHDRAWN_START = b'{"withdrawn": '

_DERIVED = ("samples/", "results/", "report/")
"""Artifacts that are made of others in no time: if a power cut damages one, it is made again."""


@attrs.frozen
class Artifact:
    """A finished artifact.

    Attributes:
        address: `kind/key`.
        value: The value it holds, as JSON; `read` makes a class of it.
        run: The run that made it.
        files: Its files by their names, as they were when it was finished.
        seal: The hash of all that; empty where version 0.1 wrote it.
    """

    address: str
    value: Any
    run: str = ""
    files: Mapping[str, FileMark] = attrs.field(factory=dict)
    seal: str = ""
    _read: dict[Any, Any] = attrs.field(factory=dict, init=False, eq=False, repr=False)

    def read(self, cls: Any) -> Any:
        """Return the value as an instance of `cls`: always the same one."""
        if cls not in self._read:
            self._read[cls] = from_json(self.value, cls)
        return self._read[cls]


def artifact_addresses(store: Store) -> tuple[str, ...]:
    """Return the addresses (`kind/key`) of all finished artifacts."""
    return tuple(address for key in store.list(ARTIFACTS) if (address := address_of(key)))


def read_artifact(store: Store, address: str, *, trusted: Collection[str] = ()) -> Artifact | None:
    """Return a finished artifact, or None while there is none; one that is damaged is none.

    Args:
        store: The store.
        address: `kind/key`.
        trusted: Seals of artifacts whose files this process has read already.
    """
    try:
        return _read(store, address, trusted=trusted)
    except RecordError:
        return None


def read_value(store: Store, address: str) -> Artifact | None:
    """Return a finished artifact without a look at its files, for those who read its value alone; None if there is none."""
    layout = ArtifactLayout(address)
    data = store.get(layout.value)
    if data is None or _is_withdrawn(data):
        return None
    try:
        return _parse(store, layout, data)
    except RecordError:
        return None


def is_unchanged(store: Store, artifact: Artifact) -> bool:
    """Return whether the store still has a finished artifact as it was read: nobody withdrew it, or built it again."""
    data = store.get(ArtifactLayout(artifact.address).value) or b""
    return bool(artifact.seal) and artifact.seal.encode() in data and not _is_withdrawn(data)


def artifact_damage(store: Store, address: str, *, thorough: bool = False) -> str:
    """Return what is wrong with an artifact, or an empty text: it is sound, or there is none.

    Args:
        store: The store.
        address: `kind/key`.
        thorough: Whether large files are read too, although their time of change is the recorded one.
    """
    try:
        _read(store, address, thorough=thorough)
    except RecordError as exc:
        return str(exc)
    return ""


def write_artifact(
    store: Store, address: str, run_id: str, value: Any, files: Mapping[str, FileMark] | None = None
) -> Artifact:
    """Mark an artifact as finished; its files are in the store already, and survive a power cut before it does.

    Args:
        store: The store.
        address: `kind/key`.
        run_id: The run that made it.
        value: The value it holds, an attrs class.
        files: Its files by their names.
    """
    data = to_json(value)
    marks = {name: to_json(mark) for name, mark in (files or {}).items()}
    file = seal({"address": address, "run": run_id, "schema": ARTIFACT_SCHEMA, "value": data, _FILES: marks})
    layout = ArtifactLayout(address)
    if address.startswith(_DERIVED):
        store.put(layout.value, file.text)
    else:
        store.make_durable(layout.prefix, marks)
        store.put_durable(layout.value, file.text)
    return Artifact(address, data, run_id, files or {}, file.seal)


def read_maker(store: Store, address: str) -> str:
    """Return the run that finished an artifact, or withdrawn one; empty where there is none, or it cannot be read."""
    data = store.get(ArtifactLayout(address).value) or b"{}"
    try:
        content = json.loads(json.loads(data)[_WITHDRAWN] if _is_withdrawn(data) else data)
        return str(content["run"])
    except (ValueError, KeyError, TypeError):
        return ""


def withdraw_artifact(store: Store, address: str, maker: str) -> bool:
    """Make a finished artifact unavailable, before its files are deleted; `restore_artifact` makes it available again.

    Args:
        store: The store.
        address: `kind/key`.
        maker: The run that finished it; if another one has finished it again, it stays.

    Returns:
        Whether it is withdrawn.
    """
    key = ArtifactLayout(address).value
    data = store.get(key)
    if data is None or read_maker(store, address) != maker:
        return False
    if not _is_withdrawn(data):
        text = data.decode("utf-8", errors="surrogateescape")
        store.put_durable(key, json.dumps({_WITHDRAWN: text}).encode())
    return True


def is_withdrawn(store: Store, address: str) -> bool:
    """Return whether an artifact was withdrawn: some of its files may be gone."""
    return _is_withdrawn(store.get(ArtifactLayout(address).value) or b"")


def restore_artifact(store: Store, address: str) -> None:
    """Make a withdrawn artifact available again, if it still is withdrawn."""
    key = ArtifactLayout(address).value
    data = store.get(key) or b""
    if _is_withdrawn(data):
        store.put_durable(key, json.loads(data)[_WITHDRAWN].encode("utf-8", errors="surrogateescape"))


def copy_artifact(
    source: Store,
    target: Store,
    address: str,
    *,
    home: Path,
    new_address: str = "",
    accept: Callable[[Artifact], bool] = lambda _: True,
) -> None:
    """Copy a finished artifact to another store, its value last. Does nothing where the target has it.

    Args:
        source: The store that has it.
        target: The store that gets it.
        address: `kind/key`.
        home: The cache of this machine, for files on their way to a store that is not on this disk.
        new_address: The address in the target; by default the same.
        accept: Whether the artifact, as the source has it, is to be copied.
    """
    old, new = ArtifactLayout(address), ArtifactLayout(new_address or address)
    artifact = read_artifact(source, address)
    if artifact is None or not accept(artifact):
        return
    if target.get(new.value) is not None and not is_withdrawn(target, new.address):
        return
    with target.workspace(new.prefix, home) as folder:
        source.download(old.prefix, folder)
        (folder / old.value.rpartition("/")[2]).unlink()
    data = (source.get(old.value) or b"").replace(address.encode(), new.address.encode())
    target.make_durable(new.prefix, artifact.files)
    target.put_durable(new.value, sealed_again(data))


def _read(store: Store, address: str, *, trusted: Collection[str] = (), thorough: bool = False) -> Artifact | None:
    """Return a finished artifact.

    Raises:
        RecordError: It is damaged; the message names the file.
    """
    layout = ArtifactLayout(address)
    data = store.get(layout.value)
    if data is None or _is_withdrawn(data):
        return None
    artifact = _parse(store, layout, data)
    if artifact.seal and artifact.seal not in trusted:
        for name, mark in artifact.files.items():
            key = layout.file(name)
            if not store.holds(key, mark, thorough=thorough):
                raise damaged(store, key, "it was changed, truncated or removed")
    return artifact


def _is_withdrawn(data: bytes) -> bool:
    return data.startswith(_WITHDRAWN_START)


def _parse(store: Store, layout: ArtifactLayout, data: bytes) -> Artifact:
    address = layout.address
    try:
        file = unsealed(data)
        content = file.content
        if not file.seal and _FILES in content:
            raise damaged(store, layout.value, "its hash is missing")
        value = content["value"]
        if _FILES not in content:
            schema = content.get("schema", 1)
            return Artifact(address, value if schema == ARTIFACT_SCHEMA else upgrade_artifact(address, value))
        if content["address"] != address:
            raise damaged(store, layout.value, f"it belongs to {content['address']}")
        files = {name: FileMark(**mark) for name, mark in content[_FILES].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise damaged(store, layout.value, str(exc)) from exc
    return Artifact(address, value, content["run"], files, file.seal)
