"""Compressed files, read as if they were not compressed: gzip, zstd, bzip2 and xz, recognized by their first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from llmops_sdk.data.files.formats import BZIP2
from llmops_sdk.errors import DataError, MissingExtraError, describe_os_error

HEAD_BYTES = 64 * 1024

_BUFFER = 256 * 1024
_SIGNATURES = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"))


def compression_of(head: bytes) -> str:
    """Return how a file is compressed, by its first bytes: `gzip`, `zstd`, `bzip2`, `xz`, or an empty text.

    >>> compression_of(gzip.compress(b"a"))
    'gzip'
    """
    named = next((name for signature, name in _SIGNATURES if head.startswith(signature)), "")
    return named or ("bzip2" if BZIP2.match(head) else "")


@contextmanager
def open_plain(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, without its compression if it has one.

    Raises:
        DataError: It cannot be read, or is compressed and damaged; also while it is read.
        MissingExtraError: It is compressed with zstd, and nothing installed reads that.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        message = f"there is no file {str(path)!r}"
        raise DataError(message) from None
    except OSError as exc:
        raise DataError(_unreadable(path, exc)) from exc
    with file:
        try:
            head = file.read(16)
            file.seek(0)
        except OSError as exc:
            raise DataError(_unreadable(path, exc)) from exc
        compression = compression_of(head)
        if not compression:
            yield file
            return
        with io.BufferedReader(_Decompressed(_stream(file, compression, path), path, compression), _BUFFER) as plain:
            yield plain


def read_plain_head(path: Path, size: int = HEAD_BYTES) -> bytes:
    """Return the first bytes of a file without its compression.

    Raises:
        DataError: It cannot be read.
    """
    with open_plain(path) as file:
        return file.read(size)


def compressed_as(path: Path) -> str:
    """Return how a file is compressed, or an empty text.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return compression_of(file.read(16))
    except OSError as exc:
        raise DataError(_unreadable(path, exc)) from exc


def _unreadable(path: Path, error: OSError) -> str:
    return f"the file {str(path)!r} cannot be read: {error.strerror or describe_os_error(error)}"


class _Decompressed(io.RawIOBase):
    """What a decompressor yields; what it finds wrong with the file is an error of the user's data."""

    def __init__(self, stream: Any, path: Path, compression: str) -> None:
        self._stream = stream
        self._name = f"the file {str(path)!r} is compressed with {compression}"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except EOFError as exc:
            message = f"{self._name}, and incomplete: copy or download it again"
            raise DataError(message) from exc
        except (OSError, ValueError, zlib.error, lzma.LZMAError) as exc:
            message = f"{self._name}, and damaged: {' '.join(str(exc).split())}"
            raise DataError(message) from exc
        buffer[: len(data)] = data
        return len(data)


def _stream(file: BinaryIO, compression: str, path: Path) -> Any:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file)
    if compression == "bzip2":
        return bz2.BZ2File(file)
    if compression == "xz":
        return lzma.LZMAFile(file)
    if sys.version_info >= (3, 14):
        return import_module("compression.zstd").ZstdFile(file)
    try:
        arrow = import_module("pyarrow")
    except ImportError as exc:
        message = (
            f"the file {str(path)!r} is compressed with zstd, which is read with pyarrow:"
            " pip install 'llmops-sdk[datasets]', or decompress it with unzstd"
        )
        raise MissingExtraError(message) from exc
    return arrow.CompressedInputStream(file, "zstd")
