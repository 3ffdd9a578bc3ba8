"""What a file is that was expected to be text: found by its first bytes, and named with what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

HEAD_BYTES = 4096

# Each at the start of the file: what the file is, and how to get text from it.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "is compressed with gzip: gunzip it"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: decompress it with unzstd"),
    (b"\xfd7zXZ\0", "is compressed with xz: decompress it with unxz"),
    (b"\x04\x22\x4d\x18", "is compressed with LZ4: decompress it with unlz4"),
    (b"\xff\x06\0\0sNaPpY", "is compressed with Snappy: decompress it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive: extract the file from it"),
    (b"Rar!\x1a\x07", "is a RAR archive: extract the file from it"),
    (b"PK\x03\x04", "is a ZIP archive or an Office document: unzip it, or save the table as CSV"),
    (b"PK\x05\x06", "is an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old Office document: save the table as CSV"),
    (b"PAR1", "is Parquet, a table"),
    (b"ARROW1", "is Arrow, a table"),
    (b"\xff\xff\xff\xff", "is an Arrow stream, a table"),
    (b"FEA1", "is Feather, a table"),
    (b"ORC", "is ORC: write its rows as JSON lines"),
    (b"Obj\x01", "is Avro: write its rows as JSON lines"),
    (b"SQLite format 3\0", "is a SQLite database: export the table as CSV"),
    (b"%PDF-", "is a PDF document, not a table"),
    (b"\x89HDF\r\n\x1a\n", "is HDF5: write its rows as JSON lines"),
    (b"\x93NUMPY", "is a NumPy array: write its rows as JSON lines"),
    (b"GGUF", "is a GGUF model, not text"),
    (b"\x89PNG\r\n", "is an image (PNG), not text"),
    (b"\xff\xd8\xff", "is an image (JPEG), not text"),
    (b"GIF89a", "is an image (GIF), not text"),
    (b"\x7fELF", "is a program, not text"),
    (b"version https://git-lfs.github.com/spec/", "is only a pointer of Git LFS: get the file with 'git lfs pull'"),
)  # fmt: skip
BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)")
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x80-\xff\]}()cK-M\x95X]")
_UTF8_BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"\xff\xfe", b"\xfe\xff")
_HTML = re.compile(rb"\s*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\b")
_TAR = slice(257, 262)
_CONTROLS = bytes(byte for byte in range(ord(" ")) if byte not in b"\t\n\r\f\x1b\x08")
_MAX_CONTROLS = 0.1


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def name_binary(head: bytes) -> str:
    """Return what a file is and what to do, such as `is compressed with gzip: gunzip it`; empty if it may be text.

    Args:
        head: The first bytes of the file.
    """
    for signature, text in _SIGNATURES:
        if head.startswith(signature) and not (signature.isalnum() and _continues_as_text(head, len(signature))):
            return text
    if BZIP2.match(head):
        return "is compressed with bzip2: bunzip2 it"
    if head[_TAR] == b"ustar":
        return "is a tar archive: extract the file from it"
    if _PICKLE.match(head):
        return "is a pickle of Python, which can run code when it is read: write its rows as JSON lines"
    return ""


def name_other_format(head: bytes) -> str:
    """Return what a file is that should be UTF-8 text, and what to do; empty if it looks like it.

    Args:
        head: The first bytes of the file.
    """
    encoding = wide_encoding(head)
    if encoding:
        return f"is {encoding}, not UTF-8: iconv -f {encoding} -t UTF-8 FILE > NEW_FILE"
    return name_binary(head) or name_document_format(head)


def name_document_format(head: bytes) -> str:
    """Return what a file is that is no data, or whose bytes are no text; empty if it may be text of 8 bits a letter.

    Args:
        head: The first bytes of the file.
    """
    text = head.removeprefix(_UTF8_BOM)
    if _HTML.match(text):
        return "is an HTML page, not data: download the file itself (on GitHub and Hugging Face: the 'raw' file)"
    if _XML.match(text):
        return "is XML: write its records as JSON lines"
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if b"\0" in head or controls > _MAX_CONTROLS * len(head):
        return "is a binary file, not text"
    return ""


def wide_encoding(head: bytes) -> str:
    """Return `UTF-16` or `UTF-32` if the bytes are in it, with a byte order mark or recognized by its zeros.

    Args:
        head: The first bytes of the file.
    """
    if head.startswith(WIDE_BOMS[:2]):
        return "UTF-32"
    if head.startswith(WIDE_BOMS):
        return "UTF-16"
    for width, order, place in ((4, "LE", 0), (4, "BE", 3), (2, "LE", 0), (2, "BE", 1)):
        sample = head[: width * 4]
        zeros = [byte for index, byte in enumerate(sample) if index % width != place]
        letters = sample[place::width]
        if len(sample) >= 2 * width and not any(zeros) and all(letters):
            return f"UTF-{8 * width}{order}"
    return ""


def _continues_as_text(head: bytes, start: int) -> bool:
    """Return whether what follows a signature of letters is text: then it is a word, such as a CSV's column `ORCID`."""
    return all(byte >= ord(" ") or byte in b"\t\r\n" for byte in head[start : start + 8])
