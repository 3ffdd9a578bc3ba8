"""Models on the Hugging Face hub, or in its cache on this machine."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.plugin import AssetError

_CONFIG = ("*.json", "*.txt", "*.model")


def snapshot(repository: str, *, offline: bool) -> Path:
    """Return the folder of the hub's cache with the newest files of a model, downloaded first where they are missing.

    The folder's name is the commit. Weights are taken as safetensors where the model has them.

    Raises:
        AssetError: They are neither in the cache nor to be had from the hub.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as exc:
        message = "huggingface_hub is not installed: pip install 'llmops-sdk[metrics]'"
        raise AssetError(message) from exc
    try:
        folder = Path(
            snapshot_download(
                repository, local_files_only=offline, allow_patterns=[*_CONFIG, "*.safetensors"], ignore_patterns="*/*"
            )
        )
        if not any(folder.glob("*.safetensors")):
            snapshot_download(repository, local_files_only=offline, allow_patterns=["pytorch_model*.bin"])
    except (OSError, ValueError) as exc:
        reason = (str(exc).strip() or type(exc).__name__).splitlines()[0].rstrip(".")
        where = "in its cache on this machine" if offline else f"on the hub: {reason}"
        message = f"no model {repository!r} {where}"
        raise AssetError(message) from exc
    return folder
