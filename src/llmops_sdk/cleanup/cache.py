"""What the cache of this machine holds, and freeing it: all of it is downloaded or made again when it is needed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from llmops_sdk.assets.asset import MANIFEST
from llmops_sdk.cleanup.weight import Weight, freed_bytes
from llmops_sdk.errors import UserError
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.locks import locked
from llmops_sdk.record.stores import StoredFile
from llmops_sdk.steps.runtime import cache_lock

WORK_SECONDS = 7 * 86_400.0
"""What an interrupted step left for its next attempt is freed if it is older, unless the user names another age."""

_ASSETS = "assets"
_MADE_AGAIN = {
    "downloads": "files of interrupted downloads",
    "encoders": "encoders in the form of ONNX, converted again when needed",
    "exports": "exported models, exported again when needed",
    "gguf": "weights in the form of GGUF, converted again when needed",
    "hashes": "hashes of model files, computed again when needed",
}
"""Folders of the cache, and what they hold."""

_LEFT = {
    "work": "files of interrupted steps, from which a resumed run continues",
    "serve": "files of models that were served",
}
"""Folders whose entries are freed by their age alone."""


@attrs.frozen(kw_only=True)
class CachedItem:
    """Something in the cache.

    Attributes:
        name: Its name (`assets/minilm`).
        path: Its folder or file.
        origin: What it is, and how it comes back.
        weight: Its files.
    """

    name: str
    path: Path
    origin: str
    weight: Weight

    @property
    def size(self) -> int:
        """Its bytes."""
        return freed_bytes([self.weight])


def find_cached(home: Path, registry: Registry, *, older_than: float | None, now: float) -> tuple[CachedItem, ...]:
    """Return what can be freed.

    Args:
        home: The cache of this machine.
        registry: The plugins, which offer the assets.
        older_than: Only what was not written for this many seconds; None means any age, except for what interrupted steps
            left.
        now: In seconds since the epoch.
    """
    items = [*_assets(home, registry), *_folders(home)]
    limit = 0.0 if older_than is None else older_than
    left = WORK_SECONDS if older_than is None else older_than
    chosen = [item for item in items if _age(item, now) >= limit]
    return (*chosen, *(item for item in _left(home) if _age(item, now) >= left))


def free_cached(home: Path, items: Sequence[CachedItem]) -> int:
    """Free what is in the cache, and return the bytes that are free now.

    Raises:
        UserError: A run is using the cache.
    """
    with locked(cache_lock(home), waiting=_refuse):
        for item in items:
            with suppress(FileNotFoundError):
                (item.path / MANIFEST).unlink()  # first: what is half deleted is no asset
            if item.path.is_dir() and not item.path.is_symlink():
                shutil.rmtree(item.path)
            else:
                item.path.unlink(missing_ok=True)
    return freed_bytes(item.weight for item in items)


def _assets(home: Path, registry: Registry) -> Iterator[CachedItem]:
    known = {asset.name: asset for asset in registry.assets()}
    for path in _entries(home / _ASSETS):
        asset = known.get(path.name)
        if path.name.startswith("."):
            origin = "an interrupted download"
        elif asset is None:
            origin = "no plugin needs it any longer"
        elif asset.on_request:
            origin = f"no run downloads it; get it again with: llmops assets get {asset.name}"
        else:
            origin = "downloaded again when needed"
        yield _item(home, path, origin)


def _folders(home: Path) -> Iterator[CachedItem]:
    for name, origin in _MADE_AGAIN.items():
        if any(_entries(home / name)):
            yield _item(home, home / name, origin)


def _left(home: Path) -> Iterator[CachedItem]:
    """Yield what interrupted steps left: below `work`, the folder of each artifact or run."""
    for name, origin in _LEFT.items():
        for path in _entries(home / name):
            entries = _deepest(path, {"artifacts": 2, "runs": 1}.get(path.name, 0)) if name == "work" else [path]
            for entry in entries:
                yield _item(home, entry, origin)


def _deepest(path: Path, depth: int) -> list[Path]:
    return [path] if depth == 0 else [each for child in _entries(path) for each in _deepest(child, depth - 1)]


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, without the files of locks."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(path for path in folder.iterdir() if path.suffix != ".lock")
    return []


def _item(home: Path, path: Path, origin: str) -> CachedItem:
    weight = Weight()
    for parent, _, names in os.walk(path):
        for name in names:
            _add(weight, Path(parent, name), home)
    if not path.is_dir():
        _add(weight, path, home)
    return CachedItem(name=path.relative_to(home).as_posix(), path=path, origin=origin, weight=weight)


def _add(weight: Weight, path: Path, home: Path) -> None:
    with suppress(FileNotFoundError):
        state = path.lstat()
        identity = f"{state.st_dev}:{state.st_ino}" if state.st_nlink > 1 else ""
        key = path.relative_to(home).as_posix()
        weight.add(StoredFile(key, state.st_size, state.st_mtime, identity, state.st_nlink))


def _age(item: CachedItem, now: float) -> float:
    """Return for how long something was not written; of an empty folder, how old it is."""
    newest = item.weight.modified
    if newest is None:
        newest = item.path.lstat().st_mtime
    return now - newest


def _refuse() -> None:
    message = "a run on this machine is using the cache; free it once that has ended"
    raise UserError(message)
