"""Detoxify's checkpoint as an asset: from the caches, from its address, complete or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import attrs
import pytest

from llmops_plugins._hub.snapshot import Snapshot
from llmops_plugins.fmeval import detoxify
from llmops_plugins.fmeval.detoxify import CHECKPOINT, DetoxifySource, detoxify_asset
from llmops_sdk import AssetError, Progress
from llmops_sdk.assets.asset import get_asset

BYTES = b"weights" * 1000


@pytest.fixture
def roberta(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tokenizer's files, as Hugging Face's cache would give them."""
    folder = tmp_path / "roberta"
    folder.mkdir()
    for name in ("config.json", "vocab.json", "merges.txt"):
        (folder / name).write_text("{}")
    snapshot = Snapshot(commit="1" * 40, folder=folder)
    monkeypatch.setattr(detoxify, "find_model", lambda _name, **_how: snapshot)
    return folder


@pytest.fixture
def url() -> Iterator[str]:
    """A server of the checkpoint, which redirects to another address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/old" else 200 if self.path == "/new" else 404)
            self.send_header("Location", "/new")
            self.send_header("Content-Length", "0" if self.path != "/new" else str(len(BYTES)))
            self.end_headers()
            if self.path == "/new":
                self.wfile.write(BYTES)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def named_after(monkeypatch: pytest.MonkeyPatch) -> str:
    """The checkpoint's name, with the hash of the test's bytes as in PyTorch's hub."""
    name = f"toxic_debiased-{hashlib.sha256(BYTES).hexdigest()[:8]}.ckpt"
    monkeypatch.setattr(detoxify, "CHECKPOINT", name)
    return name


@pytest.mark.usefixtures("roberta")
def test_it_is_downloaded(tmp_path: Path, url: str, named_after: str) -> None:
    """With the files of the tokenizer; the start of its hash is in its name, and is checked."""
    asset = attrs.evolve(detoxify_asset(), sources=(DetoxifySource(f"{url}/old"),))
    folder = get_asset(asset, tmp_path / "home", progress=Progress())

    assert BYTES == (folder / named_after).read_bytes()
    assert {named_after, "config.json", "vocab.json", "merges.txt", "asset.json"} == {
        path.name for path in folder.iterdir()
    }


@pytest.mark.usefixtures("roberta", "named_after")
def test_a_failed_download_is_an_error(tmp_path: Path, url: str) -> None:
    """With the reason."""
    asset = attrs.evolve(detoxify_asset(), sources=(DetoxifySource(f"{url}/gone"),))
    with pytest.raises(AssetError, match="404"):
        get_asset(asset, tmp_path / "home", progress=Progress())


@pytest.mark.usefixtures("roberta")
def test_another_file_of_that_name_is_refused(tmp_path: Path, url: str) -> None:
    """Otherwise FMEval would fail on it after an hour, with a message of PyTorch's."""
    asset = attrs.evolve(detoxify_asset(), sources=(DetoxifySource(f"{url}/new"),))
    with pytest.raises(AssetError, match="its SHA-256 does not start with c7548aa0"):
        get_asset(asset, tmp_path / "home", progress=Progress())


@pytest.mark.usefixtures("roberta")
def test_it_is_taken_from_the_caches(tmp_path: Path, named_after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of PyTorch's hub and of Hugging Face."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "torch/hub/checkpoints").mkdir(parents=True)
    (tmp_path / "torch/hub/checkpoints" / named_after).write_bytes(BYTES)
    folder = get_asset(detoxify_asset(), tmp_path / "home", progress=Progress(), offline=True)

    assert BYTES == (folder / named_after).read_bytes()


def test_a_missing_checkpoint_is_an_error_that_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, before the run's first step."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(AssetError, match="llmops assets get detoxify-checkpoint") as error:
        get_asset(detoxify_asset(), tmp_path / "home", progress=Progress(), offline=True)
    assert f"there is no file '{tmp_path}/torch/hub/checkpoints/{CHECKPOINT}'" in str(error.value)
    assert "\n" not in str(error.value)
