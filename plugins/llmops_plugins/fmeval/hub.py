"""Models on the Hugging Face hub, or in its cache on this machine."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.plugin import AssetError

_OTHER_FRAMEWORKS = ["*.h5", "*.msgpack", "*.ot", "*.onnx", "*.tflite", "*/*"]


def snapshot(repository: str, *, offline: bool) -> Path:
    """Return the folder of the hub's cache with the newest files of a model, downloaded first where they are missing.

    The folder's name is the commit.

    Raises:
        AssetError: They are neither in the cache nor to be had from the hub.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as exc:
        message = "huggingface_hub is not installed: pip install 'llmops-sdk[fmeval]'"
        raise AssetError(message) from exc
    try:
        return Path(snapshot_download(repository, local_files_only=offline, ignore_patterns=_OTHER_FRAMEWORKS))
    except (OSError, ValueError) as exc:
        reason = (str(exc).strip() or type(exc).__name__).splitlines()[0].rstrip(".")
        where = "in its cache on this machine" if offline else f"on the hub: {reason}"
        message = f"no model {repository!r} {where}"
        raise AssetError(message) from exc
