"""What steps made, once, to be used again: the finished artifacts of a store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.record.layout import ARTIFACTS, ArtifactLayout, address_of
from llmops_sdk.record.schema1 import upgrade_artifact
from llmops_sdk.record.stores import Store
from llmops_sdk.values.serial import canonical, from_json, to_json

ARTIFACT_SCHEMA = 2
"""The version of the form of values. Version 1 is read too: `record/schema1.py`."""


@attrs.frozen
class Artifact:
    """A finished artifact.

    Attributes:
        address: `kind/key`.
        value: The value it holds, as JSON; `read` makes a class of it.
    """

    address: str
    value: Any

    def read(self, cls: Any) -> Any:
        """Return the value as an instance of `cls`."""
        return from_json(self.value, cls)


def artifact_addresses(store: Store) -> tuple[str, ...]:
    """Return the addresses (`kind/key`) of all finished artifacts."""
    return tuple(address for key in store.list(ARTIFACTS) if (address := address_of(key)))


def read_artifact(store: Store, address: str) -> Artifact | None:
    """Return a finished artifact, or None while there is none; one whose file is damaged is made again."""
    data = store.get(ArtifactLayout(address).value)
    if data is None:
        return None
    try:
        mark = json.loads(data)
        value = mark["value"]
        return Artifact(
            address, value if mark.get("schema", 1) == ARTIFACT_SCHEMA else upgrade_artifact(address, value)
        )
    except (ValueError, KeyError, TypeError):
        return None


def write_artifact(store: Store, address: str, run_id: str, value: Any) -> Artifact:
    """Mark an artifact as finished; its files are in the store already.

    Args:
        store: The store.
        address: `kind/key`.
        run_id: The run that made it.
        value: The value it holds, an attrs class.
    """
    artifact = Artifact(address, to_json(value))
    mark = {"address": address, "run": run_id, "schema": ARTIFACT_SCHEMA, "value": artifact.value}
    store.put_durable(ArtifactLayout(address).value, canonical(mark))
    return artifact


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
    if artifact is None or target.get(new.value) is not None or not accept(artifact):
        return
    with target.workspace(new.prefix, home) as folder:
        source.download(old.prefix, folder)
        (folder / old.value.rpartition("/")[2]).unlink()
    data = source.get(old.value) or b""
    target.put_durable(new.value, data.replace(address.encode(), new.address.encode()))
