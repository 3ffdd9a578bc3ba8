"""The hashes of weights, which are large: a file that has not changed since last time is not read again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llmops_sdk.plugin import digest, file_sha256


def file_hashes(home: Path, place: Path, files: Iterable[Path]) -> dict[str, str]:
    """Return the hashes of files by their names, from the cache for those that have not changed.

    A change is seen by the file's size, its times (of the content and of the entry) and its inode.

    Args:
        home: The cache of this machine.
        place: The folder or file that they belong to.
        files: The files.
    """
    cache = home / "hashes" / f"{digest(str(place))}.json"
    try:
        cached: dict[str, list[Any]] = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        cached = {}
    current: dict[str, list[Any]] = {}
    for path in files:
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        *old, sha256 = cached.get(path.name) or [""]
        current[path.name] = [*state, sha256 if old == state else file_sha256(path)]
    if current != cached:
        cache.parent.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(current), encoding="utf-8")
        part.replace(cache)
    return {name: entry[-1] for name, entry in current.items()}
