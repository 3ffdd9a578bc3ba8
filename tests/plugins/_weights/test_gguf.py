"""GGUF files."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins._weights.gguf import check_gguf, gguf_version
from llmops_sdk import AssetError
from llmops_sdk.plugin import file_sha256


def test_a_file_is_known_by_its_first_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its absolute path is returned; one that is missing or something else is an error."""
    monkeypatch.chdir(tmp_path)
    Path("small.gguf").write_bytes(b"GGUF and weights")
    Path("fake.gguf").write_bytes(b"weights")
    assert tmp_path / "small.gguf" == check_gguf("small.gguf")
    with pytest.raises(AssetError, match=r"the file '.*/fake\.gguf' is not GGUF"):
        check_gguf("fake.gguf")
    with pytest.raises(AssetError, match=r"there is no file '.*/missing\.gguf' with weights"):
        check_gguf("missing.gguf")


def test_its_version_is_its_hash(tmp_path: Path) -> None:
    """It follows the content."""
    file = tmp_path / "small.gguf"
    for content in (b"GGUF and weights", b"GGUF and other weights"):
        file.write_bytes(content)
        assert file_sha256(file) == gguf_version(tmp_path / "home", file)
