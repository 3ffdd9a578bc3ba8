from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk.data.files.compression import compressed_as, compression_of, open_plain, read_plain_head
from llmops_sdk.errors import DataError, MissingExtraError

LINES = b'{"a": 1}\n' * 1000


def zstd(content: bytes) -> bytes:
    """Compress as zstd does; pyarrow can."""
    arrow = pytest.importorskip("pyarrow", reason="zstd is read with pyarrow")
    compressed: bytes = arrow.compress(content, codec="zstd", asbytes=True)
    return compressed


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "": bytes,
}


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_compressed_file_is_read_as_if_it_were_not(tmp_path: Path, name: str) -> None:
    """Whatever the file is called: its first bytes decide."""
    path = tmp_path / "rows.txt"
    path.write_bytes(COMPRESSORS[name](LINES))
    assert name == compressed_as(path)
    assert LINES[:20] == read_plain_head(path, 20)
    with open_plain(path) as file:
        assert LINES.splitlines(keepends=True) == list(file)


def test_files_put_one_after_the_other_are_one(tmp_path: Path) -> None:
    """As `cat a.gz b.gz` writes them."""
    path = tmp_path / "rows.gz"
    path.write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    with open_plain(path) as file:
        assert b"a\nb\n" == file.read()


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_an_incomplete_file_is_an_error(tmp_path: Path, name: str) -> None:
    """The message has the file and what is wrong; no record is silently missing."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(COMPRESSORS[name](bytes(range(256)) * 400)[:-30])
    with open_plain(path) as file, pytest.raises(DataError, match=rf"rows\.jsonl' is compressed with {name}, and "):
        file.read()


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    """Its check sum is wrong."""
    content = bytearray(gzip.compress(LINES))
    content[-5] ^= 1
    (tmp_path / "rows.gz").write_bytes(content)
    with open_plain(tmp_path / "rows.gz") as file, pytest.raises(DataError, match="and damaged: "):
        file.read()


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A missing one, and a folder."""
    with pytest.raises(DataError, match="there is no file"), open_plain(tmp_path / "none"):
        pass
    with pytest.raises(DataError, match="cannot be read: Is a directory"), open_plain(tmp_path):
        pass
    with pytest.raises(DataError, match="cannot be read"):
        compressed_as(tmp_path / "none")


def test_zstd_without_pyarrow_is_an_error_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can also be decompressed first."""
    path = tmp_path / "rows.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd\x24\x04\x21\0\0{}")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with (
        pytest.raises(MissingExtraError, match=r"pip install 'llmops-sdk\[datasets\]', or decompress"),
        open_plain(path),
    ):
        pass


def test_text_is_not_taken_for_compressed() -> None:
    """A column may be called BZh9."""
    assert "" == compression_of(b"BZh9,b\n1,2\n")
