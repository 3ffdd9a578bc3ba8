"""The assets of `toxicity`: two classifiers."""

from __future__ import annotations

from pathlib import Path

from llmops_plugins._hub.model import weight_files
from llmops_plugins._hub.source import HubSource
from llmops_sdk.plugin import Asset, AssetError

_HUB_IDS = {"detoxify": "unitary/unbiased-toxic-roberta", "toxigen": "tomh/toxigen_roberta"}
_SUMMARIES = {
    "detoxify": "Detoxify 'unbiased', a classifier for toxicity (Apache-2.0, 125 million parameters)",
    "toxigen": "ToxiGen's RoBERTa, a classifier for toxicity (355 million parameters)",
}
_SIZES = {"detoxify": 500_000_000, "toxigen": 1_420_000_000}


def toxicity_assets() -> tuple[Asset, ...]:
    """Return the two classifiers. Their files are not pinned: the hash of the weights is recorded with the scores."""
    return tuple(
        Asset(
            name=name,
            summary=_SUMMARIES[name],
            size=_SIZES[name],
            files={"config.json": ""},
            sources=(HubSource(hub_id, cached=True), HubSource(hub_id)),
            convert=check_classifier,
        )
        for name, hub_id in _HUB_IDS.items()
    )


def check_classifier(folder: Path) -> None:
    """Check that a folder has weights and a tokenizer.

    Raises:
        AssetError: Something is missing; the message names it.
    """
    weight_files(folder)
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        message = "it has no tokenizer: tokenizer.json, or vocab.json with merges.txt"
        raise AssetError(message)
