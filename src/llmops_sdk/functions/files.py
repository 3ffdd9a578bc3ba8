"""The files that the path options of a function name: small ones travel in the plan."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from llmops_sdk.values.functions import FileContent
from llmops_sdk.values.serial import file_sha256

LARGEST = 4 << 20
"""The most bytes of a file that travels in the plan. A larger one is read where it is."""


def read_content(path: Path) -> FileContent | None:
    """Return a file with its content; None for a folder, for what is not there, and for a large file."""
    if not path.is_file() or path.stat().st_size > LARGEST:
        return None
    data = path.read_bytes()
    return FileContent(path.name, hashlib.sha256(data).hexdigest(), base64.b64encode(data).decode("ascii"))


def find_files(options: Mapping[str, Any], data: Mapping[str, FileContent]) -> dict[str, Any]:
    """Return options with paths of files that have the content of the plan.

    A file that is still as it was is used where it is; of one that has changed, or that this machine lacks, a copy is
    written.

    Args:
        options: Values by the names of the options.
        data: The files that travel in the plan.
    """
    return {**options, **{name: _path_of(options[name], content) for name, content in data.items()}}


def _path_of(path: Any, content: FileContent) -> Path:
    try:
        if isinstance(path, Path) and path.is_file() and file_sha256(path) == content.sha256:
            return path
    except OSError:  # not readable: the copy is
        pass
    return _copy(content)


@cache
def _copy(content: FileContent) -> Path:
    path = Path(_folder().name) / content.sha256 / content.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(content.data))
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return the folder of the copies, which is deleted at the end of the process."""
    return tempfile.TemporaryDirectory(prefix="llmops-files-")
