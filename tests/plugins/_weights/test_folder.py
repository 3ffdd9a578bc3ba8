from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from llmops_plugins._weights.folder import check_model_folder, folder_version, is_folder
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


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), r"it has no config\.json"),
        (("adapter_config.json", "adapter_model.safetensors"), "only an adapter: merge it into its base model first"),
        (("config.json", "adapter_config.json", "adapter_model.safetensors"), "it has only an adapter: merge it"),
        (
            ("config.json", "adapter_config.json", "model.safetensors"),
            "it has a model and an adapter: move the adapter",
        ),
        (("config.json", "pytorch_model.bin"), r"has no \*\.safetensors file: save the model with safe_serialization"),
    ],
)
def test_a_folder_that_is_not_a_model(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    """The error names what the folder lacks."""
    for name in files:
        (tmp_path / name).write_text("{}")
    with pytest.raises(AssetError, match=message):
        check_model_folder(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", b"{", r"config\.json is not JSON"),
        ("config.json", b"[]", r"config\.json is not a JSON object"),
        (
            "model.safetensors.index.json",
            b'{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}',
            r"index\.json names 2 files that are not there, such as 'model-1\.safetensors'",
        ),
        (
            "model.safetensors",
            b"version https://git-lfs.github.com/spec/v1\n",
            r"is only a pointer of Git LFS: .*lfs pull",
        ),
        (
            "model.safetensors",
            gzip.compress(b"weights", mtime=0),
            r"model\.safetensors is compressed with gzip: gunzip it",
        ),
        ("model.safetensors", b"", r"is not safetensors, or was cut off while it was copied"),
        ("model.safetensors", b"\x10\0\0\0\0\0\0\0{}", r"is not safetensors, or was cut off while it was copied"),
    ],
)
def test_an_incomplete_model_is_refused(
    tiny_model: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """The error names the file and what is wrong with it, before anything is loaded."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    (copy / name).write_bytes(content)
    with pytest.raises(AssetError, match=message):
        check_model_folder(str(copy))


def test_a_model_without_a_tokenizer_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    """The error has the call that saves it."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    for file in (*copy.glob("tokenizer*"), *copy.glob("vocab*"), *copy.glob("merges*")):
        file.unlink()
    with pytest.raises(AssetError, match=r"it has no tokenizer: save it with tokenizer\.save_pretrained"):
        check_model_folder(str(copy))
