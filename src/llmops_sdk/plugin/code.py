"""The code and the files of plugins that are not shipped: they are part of the keys of what these plugins make."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llmops_sdk.plugin.installed import is_editable
from llmops_sdk.values.serial import digest, file_sha256

_SHIPPED = ("llmops_sdk", "llmops_plugins")
_LARGE = 64 << 20
"""Files of more bytes are known by their size and their time of change."""

_MOST_FILES = 10_000
_LONGEST_PATH = 1_000


@cache
def code_key(distribution_name: str, module: str) -> str:
    """Return the hash of a plugin's code, or an empty text for one that is shipped.

    An installed distribution is known by its version and the hashes in its `RECORD`. Of one that is used in place
    (`pip install -e`, a folder on the path), the files of the module's top-level package are read.

    Args:
        distribution_name: The distribution that brings the plugin; empty if the plugin was added in code.
        module: A module of its code.
    """
    package = module.partition(".")[0]
    if package in _SHIPPED:
        return ""
    installed = _installed(distribution_name)
    if installed is not None:
        return installed
    spec = find_spec(package)
    if spec is None:
        return digest(distribution_name, package)
    if spec.submodule_search_locations:
        return digest([_folder_key(Path(folder)) for folder in spec.submodule_search_locations])
    return digest(file_sha256(Path(spec.origin))) if spec.origin and Path(spec.origin).is_file() else digest(package)


def files_key(options: Mapping[str, Any]) -> str:
    """Return the hash of the files and folders that options name, or an empty text if they name none."""
    keys = {path: _path_key(Path(path)) for path in sorted(set(_texts(options))) if _exists(path)}
    return digest(list(keys.values())) if keys else ""


def _installed(name: str) -> str | None:
    if not name:
        return None
    try:
        installed: Distribution = distribution(name)
    except PackageNotFoundError:
        return None
    record = installed.read_text("RECORD")
    if not record or is_editable(installed):
        return None
    hashes = sorted(line for line in record.splitlines() if ".dist-info/" not in line and re.search(r",sha256=", line))
    return digest(name, installed.version, hashes)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _exists(text: str) -> bool:
    if not text.strip() or len(text) > _LONGEST_PATH or "\0" in text or "\n" in text or text in {".", ".."}:
        return False
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False


def _path_key(path: Path) -> str:
    path = path.expanduser()
    return _folder_key(path) if path.is_dir() else _file_key(path)


def _folder_key(folder: Path) -> str:
    keys: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") or part == "__pycache__" for part in name.parts) or not path.is_file():
            continue
        keys[name.as_posix()] = _file_key(path)
        if len(keys) >= _MOST_FILES:
            break
    return digest(keys)


def _file_key(path: Path) -> str:
    try:
        state = path.stat()
        return f"{state.st_size}-{state.st_mtime_ns}" if state.st_size > _LARGE else file_sha256(path)
    except OSError:  # removed meanwhile, or not readable: the plugin finds out
        return ""
