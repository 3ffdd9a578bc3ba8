from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from llmops_plugins.local.weights.folder import check_model_folder, folder_version, is_folder
from llmops_sdk import AssetError

pytest.importorskip("transformers")


def test_a_path_is_distinguished_from_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub id and the name of an asset are no folders, unless a folder of that name exists."""
    monkeypatch.chdir(tmp_path)
    sources = ("/a", "./a", "~/a", "a/b/c", "owner/name", "smollm2-135m-instruct")
    assert [True, True, True, True, False, False] == [is_folder(source) for source in sources]
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert is_folder("owner/name")


def test_the_version_follows_the_files(tiny_model: Path, tmp_path: Path) -> None:
    """It changes with any file that decides answers, and not with notes, copies or what a training leaves behind."""
    home = tmp_path / "home"
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    version = folder_version(home, copy)
    assert version == folder_version(home, tiny_model)

    (copy / "README.md").write_text("notes")
    (copy / "optimizer.pt").write_bytes(b"state")
    assert version == folder_version(home, copy)
    (copy / "generation_config.json").write_text("{}")
    assert version != folder_version(home, copy)


def test_unchanged_files_are_not_read_again(tiny_model: Path, tmp_path: Path) -> None:
    """A file with the same size and time is trusted; one with another time is read again."""
    home = tmp_path / "home"
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    version = folder_version(home, copy)
    file = copy / "config.json"
    before = file.stat()
    file.write_bytes(file.read_bytes().replace(b"llama", b"LLAMA"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert version == folder_version(home, copy)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert version != folder_version(home, copy)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), r"it has no config\.json"),
        (("adapter_config.json", "adapter_model.safetensors"), "only an adapter: merge it into its base model first"),
        (("config.json", "pytorch_model.bin"), r"has no \*\.safetensors file: save the model with safe_serialization"),
    ],
)
def test_a_folder_that_is_not_a_model(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    """The error names what the folder lacks."""
    for name in files:
        (tmp_path / name).write_text("{}")
    with pytest.raises(AssetError, match=message):
        check_model_folder(str(tmp_path))
