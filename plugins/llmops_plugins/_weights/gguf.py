"""A file with weights for llama.cpp: that it is one, and its version."""

from __future__ import annotations

from pathlib import Path

from llmops_plugins._weights.hashes import file_hashes
from llmops_sdk.plugin import AssetError

_MAGIC = b"GGUF"  # https://github.com/ggml-org/ggml/blob/master/docs/gguf.md


def check_gguf(source: str) -> Path:
    """Return the absolute path of a GGUF file.

    Raises:
        AssetError: It does not exist, or is something else.
    """
    file = Path(source).expanduser().resolve()
    if not file.is_file():
        message = f"there is no file '{file}' with weights"
        raise AssetError(message)
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            message = f"the file '{file}' is not GGUF"
            raise AssetError(message)
    return file


def gguf_version(home: Path, file: Path) -> str:
    """Return the hash of a file."""
    return file_hashes(home, file, [file])[file.name]
