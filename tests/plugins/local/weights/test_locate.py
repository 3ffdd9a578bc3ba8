"""Finding weights: folders, assets, and a hub that is a small server on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.local.weights import locate as weights
from llmops_sdk import AssetError
from llmops_sdk.plugin import BaseModel, Context

pytest.importorskip("transformers")

MakeContext = Callable[..., Context]


def base(source: Path | str, version: str = "") -> BaseModel:
    return BaseModel("huggingface", str(source), version)


# -- folders ------------------------------------------------------------------------------------


def test_folder(make_context: MakeContext, tiny_model: Path) -> None:
    """A folder is taken as it is; its version is a hash, the same each time, and may be asked for."""
    context = make_context()
    found = weights.locate(context, base(tiny_model))

    assert found.folder == tiny_model
    assert len(found.version) == 64
    assert weights.version(context, base(tiny_model)) == found.version
    assert weights.locate(context, base(tiny_model, found.version)) == found
    with pytest.raises(AssetError, match=r"have the version '[0-9a-f]{64}', not 'main' as asked for"):
        weights.locate(context, base(tiny_model, "main"))


def test_folder_version_follows_its_files(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """The version changes with any file that decides answers, and not with notes, copies or a trainer's leftovers."""
    context = make_context()
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    version = weights.version(context, base(copy))
    assert version == weights.version(context, base(tiny_model))

    (copy / "README.md").write_text("notes")
    (copy / "optimizer.pt").write_bytes(b"state")
    assert weights.version(context, base(copy)) == version
    (copy / "generation_config.json").write_text("{}")
    assert weights.version(context, base(copy)) != version


def test_unchanged_files_are_not_read_again(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A file of the same size and time is trusted; one with another time is read again."""
    context = make_context()
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    version = weights.version(context, base(copy))
    file = copy / "config.json"
    before = file.stat()
    file.write_bytes(file.read_bytes().replace(b"llama", b"LLAMA"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert weights.version(context, base(copy)) == version
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert weights.version(context, base(copy)) != version


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), r"it has no config\.json"),
        (("adapter_config.json", "adapter_model.safetensors"), "only an adapter: merge it into its base model first"),
        (("config.json", "pytorch_model.bin"), r"has no \*\.safetensors file: save the model with safe_serialization"),
    ],
)
def test_folder_that_is_no_model(
    make_context: MakeContext, tmp_path: Path, files: tuple[str, ...], message: str
) -> None:
    """A folder without a model says what it lacks."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("{}")
    with pytest.raises(AssetError, match=message):
        weights.locate(make_context(), base(folder))


@pytest.mark.parametrize("source", ["/no/such/folder", "./nothing", "~/no-such-folder", "a/b/c"])
def test_folder_that_is_not_there(make_context: MakeContext, source: str) -> None:
    """What can only be a path is never looked for at the hub."""
    with pytest.raises(AssetError, match=r"there is no folder '/.*' with weights"):
        weights.locate(make_context(), base(source))


def test_broken_model(tiny_model: Path, tmp_path: Path) -> None:
    """A model or a tokenizer that cannot be loaded names its folder."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    (copy / "config.json").write_text('{"model_type": "no-such-type"}')
    (copy / "tokenizer.json").write_text("{")
    with pytest.raises(AssetError, match=r"the model in '.*copy' cannot be loaded: .*no-such-type"):
        weights.load_model(copy)
    with pytest.raises(AssetError, match=r"the tokenizer in '.*copy' cannot be loaded"):
        weights.load_tokenizer(copy)


def test_loading(tiny_model: Path, tmp_path: Path) -> None:
    """Models load in the dtype asked for; a tokenizer without a padding token pads with its end of text, on the left."""
    import torch

    assert weights.load_model(tiny_model, "bfloat16").dtype == torch.bfloat16
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    (copy / "tokenizer_config.json").write_text(
        json.dumps({**settings, "pad_token": None, "padding_side": "right"}), encoding="utf-8"
    )
    (copy / "special_tokens_map.json").unlink()
    tokenizer = weights.load_tokenizer(copy)
    assert (tokenizer.pad_token, tokenizer.padding_side) == ("<|im_end|>", "left")


# -- assets -------------------------------------------------------------------------------------


def test_asset(make_context: MakeContext, tiny_model: Path, tmp_path: Path) -> None:
    """A name without a slash is an asset; its version is what its source said, which is its pinned hash."""
    folder = shutil.copytree(tiny_model, tmp_path / "asset")
    (folder / "asset.json").write_text(json.dumps({"facts": {"version": "abc123"}, "files": {}}))
    context = make_context(assets={"tiny": folder})

    assert weights.locate(context, base("tiny")) == weights.Weights(folder, "abc123")
    with pytest.raises(AssetError, match="no asset is called 'other'"):
        weights.locate(context, base("other"))


def test_default_asset_imports_nothing_heavy() -> None:
    """The asset of the default model is known without torch, transformers or the hub's library."""
    script = (
        "import sys; from llmops_plugins.local.weights.locate import smollm2_asset; asset = smollm2_asset()\n"
        "print(asset.name, sorted(sys.modules.keys() & {'torch', 'transformers', 'huggingface_hub', 'gguf', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "smollm2-135m-instruct []\n"


# -- the hub ------------------------------------------------------------------------------------

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASK = """
import json, logging, sys
from pathlib import Path
from llmops_plugins.local.weights import locate as weights
from llmops_sdk import AssetError, Progress
from llmops_sdk.plugin import BaseModel, Context

for source, version, offline in json.loads(sys.argv[1]):
    context = Context(
        run_id="r", step="s", folder=Path(sys.argv[2]), home=Path(sys.argv[2]), offline=offline, progress=Progress(),
        log=logging.getLogger(), settings={}, make=None, asset=None,
    )
    model = BaseModel("huggingface", source, version)
    try:
        expected = weights.version(context, model)
        found = weights.locate(context, model)
        print("ok", found.version, expected == found.version, *sorted(p.name for p in found.folder.iterdir()))
    except AssetError as error:
        print("error", error)
"""


GET_ASSET = """
import sys
from pathlib import Path
from llmops_plugins.local.weights.locate import HubSource, asset_version
from llmops_sdk import Progress
from llmops_sdk.plugin import Asset
from llmops_sdk.assets.asset import get_asset

sources = HubSource("us/tiny"), HubSource("us/tiny", cached=True)
files = dict.fromkeys(("config.json", "model.safetensors"), "")
for number, source in enumerate(sources):
    asset = Asset(f"tiny-{number}", "tiny", 1, files, (source,))
    folder = get_asset(asset, Path(sys.argv[2]), progress=Progress(), offline=not source.needs_network)
    print(source.label, asset_version(folder), len(list(folder.iterdir())))
"""


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as a download needs."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._model("/".join(parts[2:4]), parts[5] if len(parts) > 4 else "")
        else:
            self._file("/".join(parts[4:]))

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def _model(self, name: str, revision: str) -> None:
        if name == "them/gated":
            self._answer(403, b"", {"X-Error-Code": "GatedRepo"})
        elif name != "us/tiny":
            self._answer(401, b"", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("", "main", COMMIT):
            self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        else:
            files = [{"rfilename": file, "size": len(data)} for file, data in self.files.items()]
            self._answer(200, json.dumps({"id": name, "sha": COMMIT, "siblings": files}).encode(), {})

    def _file(self, name: str) -> None:
        data = self.files[name]
        tag = hashlib.sha256(data).hexdigest()
        self._answer(200, data, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

    def _answer(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def ask(tiny_model: Path, tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """Ask for weights in another process, whose hub is the server here (the hub's library reads its address once)."""
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    files |= {
        "README.md": b"notes",
        "onnx/model.onnx": b"onnx",
        "onnx/config.json": b"{}",
        "pytorch_model.bin": b"pickle",
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("TinyHub", (Hub,), {"files": files}))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def run(*cases: tuple[str, str, bool], up: bool = True, script: str = ASK) -> list[str]:
        port = server.server_address[1] if up else 9  # the port of the discard service, where nobody listens
        environment = {
            **os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1", "HF_HUB_ETAG_TIMEOUT": "5", "NO_PROXY": "127.0.0.1",
        }  # fmt: skip
        for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_TOKEN"):
            environment.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-c", script, json.dumps(cases), str(tmp_path)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    yield run
    server.shutdown()
    server.server_close()


def test_hub(ask: Callable[..., list[str]], tiny_model: Path) -> None:
    """A hub id is resolved to its commit and downloaded without other formats; offline, the cache serves it."""
    names = " ".join(sorted(path.name for path in tiny_model.iterdir()))
    absent, first, branch, commit, offline = ask(
        ("us/tiny", "", True),
        ("us/tiny", "", False),
        ("us/tiny", "main", False),
        ("us/tiny", COMMIT, False),
        ("us/tiny", "", True),
    )
    assert absent.startswith("error the model 'us/tiny' is not in the Hugging Face cache, and the run is offline; ")
    assert first == branch == commit == offline == f"ok {COMMIT} True {names}"
    assert ask(("us/tiny", "", False), up=False) == [first]


def test_hub_errors(ask: Callable[..., list[str]]) -> None:
    """What the hub refuses is told in one line that says what to do."""
    unknown, gated, revision, strange = ask(
        ("us/nothing", "", False), ("them/gated", "", False), ("us/tiny", "v9", False), ("us/ti ny", "", False)
    )
    assert unknown.startswith("error the hub knows no model 'us/nothing', or it is private: check the id, or log in")
    assert gated.startswith(
        "error the model 'them/gated' is gated: accept its licence on its page at the hub, then log"
    )
    assert revision == "error the model 'us/tiny' has no revision 'v9' at the hub"
    assert "us/ti ny" in strange


def test_hub_out_of_reach(ask: Callable[..., list[str]]) -> None:
    """Without a network and without a cached copy, the message says both."""
    (told,) = ask(("us/tiny", "", False), up=False)
    assert "is not in the Hugging Face cache, and the Hugging Face hub gave no answer" in told
    assert told.endswith(
        "; type 'hf download us/tiny' where there is a network and copy that cache here, or give a folder"
    )


def test_asset_from_the_hub(ask: Callable[..., list[str]], tiny_model: Path) -> None:
    """An asset's files come from the hub or, without a network, from its cache; the commit is its version."""
    files = len(list(tiny_model.iterdir())) + 1  # and asset.json
    assert ask(script=GET_ASSET) == [
        f"the Hugging Face hub (us/tiny) {COMMIT} {files}",
        f"the Hugging Face cache (us/tiny) {COMMIT} {files}",
    ]
