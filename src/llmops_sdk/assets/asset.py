"""Assets: weights, dictionaries and other files that a machine needs once, pinned by hash.

An asset lives in `<home>/assets/<name>/`. Its `asset.json` is written last and holds its source and the size and
SHA-256 of every file; copying `<home>/assets` to another machine is enough to have it there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.assets.sources import AssetSource
from llmops_sdk.errors import AssetError
from llmops_sdk.progress import Progress
from llmops_sdk.record.locks import locked
from llmops_sdk.values.serial import file_sha256

MANIFEST = "asset.json"
_SCHEMA = 1


@attrs.frozen
class Asset:
    """Files that are fetched once and kept.

    Attributes:
        name: Lower-case words joined by hyphens; also the name of its folder.
        summary: One line for `llmops assets`.
        size: About how many bytes it takes on disk.
        files: The files that a complete asset has: path below the folder -> its SHA-256, or "" if presence is enough.
            A folder's files need not be listed one by one.
        sources: Where to fetch it from, tried in this order.
        convert: Turns the fetched files, in place, into those that `files` names; None if they are those already.
        on_request: Whether a run on this machine does not fetch it: it does not start where the asset is missing. A step on
            another machine, where nobody can be asked, fetches it.
    """

    name: str
    summary: str
    size: int
    files: Mapping[str, str]
    sources: tuple[AssetSource, ...]
    convert: Callable[[Path], None] | None = None
    on_request: bool = False


def find_asset(asset: Asset, home: Path) -> Path | None:
    """Return the asset's folder if it is complete by its manifest (existence and sizes), else None."""
    folder = _folder(asset, home)
    return None if any(_broken(asset, folder)) else folder


def get_asset(asset: Asset, home: Path, *, progress: Progress, offline: bool = False) -> Path:
    """Return the asset's folder; a missing asset is fetched from the first source that has it.

    Nothing incomplete ever appears under the asset's name, and of two processes that need it one waits.

    Args:
        asset: The asset.
        home: The cache of this machine.
        progress: Where to report how far the download is.
        offline: Skip the sources that need a network.

    Raises:
        AssetError: No source has it; the message has the reason of each, and what to do.
    """
    folder = find_asset(asset, home)
    if folder is not None:
        return folder
    try:
        with locked(
            home / "assets" / f".{asset.name}.lock",
            waiting=lambda: progress.log(f"waiting for another process that downloads the asset {asset.name!r}"),
        ):
            return find_asset(asset, home) or _fetch(asset, home, progress, offline=offline)
    except OSError as error:
        message = (
            f"the asset {asset.name!r} cannot be stored in '{home}': {error}; free space there, or set LLMOPS_HOME"
        )
        raise AssetError(message) from error


def verify_asset(asset: Asset, home: Path) -> tuple[str, ...]:
    """Return the problems of an asset, found by reading every file again; empty if there are none.

    A missing asset is a problem too.
    """
    folder = _folder(asset, home)
    problems = list(_broken(asset, folder))
    if not problems:
        for name, metadata in _read_manifest(folder)["files"].items():
            if file_sha256(folder / name) != metadata["sha256"]:
                problems.append(f"'{name}' is not the file that was fetched: its SHA-256 differs")
    return tuple(problems)


def _folder(asset: Asset, home: Path) -> Path:
    return home / "assets" / asset.name


def _read_manifest(folder: Path) -> dict[str, Any]:
    """Return the content of `asset.json`; an empty manifest if it cannot be read."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if manifest.get("schema") == _SCHEMA else {}


def _broken(asset: Asset, folder: Path) -> Iterator[str]:
    """Yield the problems of a folder by its manifest, without reading the files."""
    if not folder.exists():
        yield "it is not on this machine"
        return
    files = _read_manifest(folder).get("files")
    if files is None:
        yield f"'{folder}' has no readable {MANIFEST}: it was not fetched completely"
        return
    for name, metadata in files.items():
        try:
            size = os.stat(f"{folder}/{name}").st_size  # noqa: PTH116 - a Path is slow, and an environment has 60,000 files
        except OSError:
            yield f"'{name}' is missing"
            continue
        if size != metadata["size"]:
            yield f"'{name}' has {size} bytes, not {metadata['size']}"
    for name, pinned in asset.files.items():
        if name not in files:
            yield f"'{name}' is missing"
        elif pinned and files[name]["sha256"] != pinned:
            yield f"'{name}' is a different version from the one that this release of the SDK uses"


def _fetch(asset: Asset, home: Path, progress: Progress, *, offline: bool) -> Path:
    """Try the sources in order; called by one process at a time."""
    reasons = []
    for source in asset.sources:
        if offline and source.needs_network:
            reasons.append(f"{source.label}: needs a network, and the run is offline")
            continue
        try:
            return _fetch_from(source, asset, home, progress)
        except AssetError as error:
            reasons.append(f"{source.label}: {error}")
    message = (
        f"the asset {asset.name!r} is not available ({'; '.join(reasons) or 'it has no source'}); on a machine with a "
        f"network run 'llmops assets get {asset.name}', and copy '{_folder(asset, home)}' to this machine"
    )
    raise AssetError(message)


def _fetch_from(source: AssetSource, asset: Asset, home: Path, progress: Progress) -> Path:
    folder = _folder(asset, home)
    part = folder.with_name(f".{asset.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # what a killed process left
    part.mkdir(parents=True)
    try:
        metadata = source.fetch(part, home=home, progress=progress)
        if asset.convert is not None:
            with progress.task(f"converting {asset.name}"):
                asset.convert(part)
        files = _seal(asset, part)
        manifest = {
            "schema": _SCHEMA,
            "asset": asset.name,
            "source": source.label,
            "facts": dict(metadata),
            "files": files,
        }
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one, by its manifest
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    source.discard(home)
    return folder


def _seal(asset: Asset, folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and hash of every file, after a check that all files of the asset are there and match."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": file_sha256(path)}
        for path in paths
    }
    for name, pinned in asset.files.items():
        if name not in files:
            message = f"it has no '{name}'"
            raise AssetError(message)
        if pinned and files[name]["sha256"] != pinned:
            message = f"its '{name}' is a different version: SHA-256 {files[name]['sha256']}, not {pinned}"
            raise AssetError(message)
    return files
