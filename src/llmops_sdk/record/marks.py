"""What the record knows of a file of an artifact, to notice that it was changed, truncated or removed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import attrs

from llmops_sdk.values.serial import file_sha256

LARGE = 64 << 20
"""Files of more bytes, such as weights, are read again only if their time of change is another one."""

_DRAFTS = (".tmp", ".draft", ".unordered")


@attrs.frozen
class FileMark:
    """A file of a finished artifact.

    Attributes:
        size: Its bytes.
        sha256: Of its bytes.
        modified: When it was last changed, in nanoseconds since the epoch; 0 where the store does not keep that.
    """

    size: int
    sha256: str
    modified: int = 0


def mark_file(path: Path, sha256: str = "") -> FileMark:
    """Return the mark of a file on this disk.

    Args:
        path: The file.
        sha256: Of its bytes, where it is known already; default: the file is read.
    """
    state = path.stat()
    return FileMark(state.st_size, sha256 or file_sha256(path), state.st_mtime_ns)


def mark_data(data: bytes) -> FileMark:
    """Return the mark of a file with these bytes."""
    return FileMark(len(data), hashlib.sha256(data).hexdigest())


def mark_folder(folder: Path, *, below: str = "", without: str = "") -> Mapping[str, FileMark]:
    """Return the marks of the files in a folder, by their names in the artifact.

    Args:
        folder: The folder.
        below: What their names start with (`final/`).
        without: The name of a file that is left out.
    """
    names = {path: path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        f"{below}{name}": mark_file(path)
        for path, name in names.items()
        if name != without and not name.endswith(_DRAFTS)
    }
