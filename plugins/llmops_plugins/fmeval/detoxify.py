"""The asset of Detoxify as FMEval loads it: a checkpoint of the project's releases, and the tokenizer of `roberta-base`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from llmops_plugins._hub.model import find_model
from llmops_plugins.fmeval.job import add_model
from llmops_sdk.plugin import Asset, AssetError, AssetSource, Progress, file_sha256

CHECKPOINT = "toxic_debiased-c7548aa0.ckpt"
"""The file that FMEval asks for. As in PyTorch's hub, the end of its name is the start of its SHA-256."""

_URL = f"https://github.com/unitaryai/detoxify/releases/download/v0.3-alpha/{CHECKPOINT}"
_ROBERTA = "roberta-base"
_TOKENIZER = ("config.json", "vocab.json", "merges.txt")
_CHUNK = 1 << 20


def detoxify_asset() -> Asset:
    """Return the asset: the checkpoint, and the configuration and the tokenizer it was trained with."""
    return Asset(
        name="detoxify-checkpoint",
        summary="Detoxify 'unbiased' as FMEval loads it, a classifier for toxicity (Apache-2.0, 125 million parameters)",
        size=500_000_000,
        files={CHECKPOINT: "", **dict.fromkeys(_TOKENIZER, "")},
        sources=(DetoxifySource(cached=True), DetoxifySource()),
        convert=check_checkpoint,
    )


def check_checkpoint(folder: Path) -> None:
    """Check that the checkpoint has the hash in its name.

    Raises:
        AssetError: It is another file, or incomplete.
    """
    prefix = CHECKPOINT.partition("-")[2].partition(".")[0]
    if not file_sha256(folder / CHECKPOINT).startswith(prefix):
        message = f"{CHECKPOINT} is incomplete or another file: its SHA-256 does not start with {prefix}"
        raise AssetError(message)


def add_detoxify(folder: Path, files: Path) -> None:
    """Put the model where PyTorch's hub and Hugging Face's libraries look in FMEval's process.

    Args:
        folder: The job's folder.
        files: The asset's folder.
    """
    checkpoints = folder / "home/torch/hub/checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / CHECKPOINT).symlink_to((files / CHECKPOINT).resolve())
    add_model(folder, _ROBERTA, files)


class DetoxifySource(AssetSource):
    """Takes the checkpoint from the project's releases, or from the cache of PyTorch's hub on this machine.

    Args:
        url: The checkpoint's address.
        cached: Whether only the caches are used.
    """

    def __init__(self, url: str = _URL, *, cached: bool = False) -> None:
        self.label = "the caches of PyTorch and Hugging Face" if cached else "Detoxify's releases and the hub"
        self.needs_network = not cached
        self._url = url

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy or download the checkpoint and the tokenizer's files."""
        del home
        if self.needs_network:
            _download(self._url, folder / CHECKPOINT, progress)
        else:
            cached = torch_home() / "hub/checkpoints" / CHECKPOINT
            if not cached.is_file():
                message = f"there is no file '{cached}'"
                raise AssetError(message)
            shutil.copyfile(cached, folder / CHECKPOINT)
        roberta = find_model(_ROBERTA, offline=not self.needs_network, progress=progress)
        for name in _TOKENIZER:
            if not (roberta.folder / name).is_file():
                message = f"the model {_ROBERTA!r} has no file {name!r}"
                raise AssetError(message)
            shutil.copyfile(roberta.folder / name, folder / name)
        return {"url": self._url, "tokenizer": f"{_ROBERTA}@{roberta.commit}"}


def torch_home() -> Path:
    """Return the cache folder of PyTorch."""
    named = os.environ.get("TORCH_HOME")
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(named or Path(cache) / "torch").expanduser()


def _download(url: str, target: Path, progress: Progress) -> None:
    import httpx

    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as reply, target.open("wb") as out:
            reply.raise_for_status()
            length = reply.headers.get("content-length")
            total = float(length) if length else None
            with progress.task(f"downloading {target.name}", total, "bytes") as task:
                for chunk in reply.iter_bytes(_CHUNK):
                    out.write(chunk)
                    task.advance(len(chunk))
    except httpx.HTTPError as exc:
        message = f"{url} cannot be downloaded: {exc or type(exc).__name__}"
        raise AssetError(message) from exc
