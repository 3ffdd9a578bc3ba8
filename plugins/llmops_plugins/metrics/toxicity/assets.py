"""The classifiers of `toxicity` as assets, so that a run that cannot have them ends before its first step."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from llmops_plugins.metrics.hub import snapshot
from llmops_sdk.plugin import Asset, AssetError, AssetSource, Progress

_HUB_IDS = {"detoxify": "unitary/unbiased-toxic-roberta", "toxigen": "tomh/toxigen_roberta"}
_SUMMARIES = {
    "detoxify": "Detoxify 'unbiased', a classifier for toxicity (Apache-2.0, 125 million parameters)",
    "toxigen": "ToxiGen's RoBERTa, a classifier for toxicity (355 million parameters)",
}
_SIZES = {"detoxify": 500_000_000, "toxigen": 1_420_000_000}


def toxicity_assets() -> tuple[Asset, ...]:
    """Return the two classifiers. Nobody's bytes are pinned: the hash of what was found is recorded with the scores."""
    return tuple(
        Asset(
            name=name,
            summary=_SUMMARIES[name],
            size=_SIZES[name],
            files={"config.json": ""},
            sources=(HubModelSource(hub_id, cached=True), HubModelSource(hub_id)),
            convert=check_classifier,
        )
        for name, hub_id in _HUB_IDS.items()
    )


def weight_files(folder: Path) -> list[Path]:
    """Return the files of weights in a folder: safetensors where there are some.

    Raises:
        AssetError: There are none, or no config.json.
    """
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not files or not (folder / "config.json").is_file():
        message = f"'{folder}' holds no classifier in Hugging Face's form: config.json and *.safetensors are needed"
        raise AssetError(message)
    return files


def check_classifier(folder: Path) -> None:
    """Check that a folder holds weights and a tokenizer.

    Raises:
        AssetError: Says what is missing.
    """
    weight_files(folder)
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        message = "it has no tokenizer: tokenizer.json, or vocab.json with merges.txt"
        raise AssetError(message)


class HubModelSource(AssetSource):
    """Takes a model as it stands on the Hugging Face hub, or in its cache on this machine.

    Args:
        repository: The hub id.
        cached: Whether only the cache is looked into.
    """

    def __init__(self, repository: str, *, cached: bool = False) -> None:
        self.label = f"the Hugging Face {'cache' if cached else 'hub'}"
        self.needs_network = not cached
        self._repository = repository

    def fetch(self, folder: Path, *, home: Path, progress: Progress) -> Mapping[str, str]:
        """Copy the files of the newest commit."""
        del home
        with progress.task(f"looking for {self._repository}"):
            found = snapshot(self._repository, offline=not self.needs_network)
        for path in sorted(found.iterdir()):
            if path.is_file():
                shutil.copyfile(path, folder / path.name)
        return {"repository": self._repository, "version": found.name}
