"""Files that a gate reads and writes: read in one go, written by rename, so that none is half-written."""

from __future__ import annotations

import secrets
from pathlib import Path

from llmops_sdk.errors import DataError

LARGEST_FILE = 200 * 2**20
"""The largest baseline that is read, in bytes: a million records have about 50 MB."""


def read_text(path: Path, noun: str, hint: str) -> str:
    """Return the text of a file.

    Args:
        path: The file.
        noun: What messages call it (`the baseline`).
        hint: What to do where there is none.

    Raises:
        DataError: It cannot be read.
    """
    shown = repr(str(path))
    try:
        if path.stat().st_size > LARGEST_FILE:
            message = f"{noun} {shown} is larger than {LARGEST_FILE // 2**20} MiB; is it another file?"
            raise DataError(message)
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = f"there is no file {shown} for {noun}; {hint}"
        raise DataError(message) from None
    except UnicodeDecodeError as exc:
        message = f"{noun} {shown} is not UTF-8; {hint}"
        raise DataError(message) from exc
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        message = f"{noun} {shown} cannot be read: {reason}"
        raise DataError(message) from exc


def write_text(path: Path, text: str) -> None:
    """Write a file by rename, and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
