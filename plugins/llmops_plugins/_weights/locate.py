"""Where the weights of a base model are, and their exact version: in a folder, an asset, or on the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import attrs

from llmops_plugins._weights.folder import check_model_folder, folder_version, is_folder
from llmops_plugins._weights.hub import fetch_snapshot, resolve_commit
from llmops_sdk.plugin import AssetError, BaseModel, Context, digest


@attrs.frozen
class Weights:
    """Weights that are on this machine.

    Attributes:
        folder: In Hugging Face format: `config.json`, `*.safetensors`, the tokenizer.
        version: Identifies them: a hub commit, the hash of an asset's pinned file, or the hash of a folder's files.
    """

    folder: Path
    version: str


def locate(context: Context, model: BaseModel) -> Weights:
    """Return the weights of a base model, downloaded if they are missing.

    `model.source` is a folder, the name of an asset (no slash in it), or a hub id (`owner/name`, at the revision
    `model.version`; without one at its newest commit, or the newest cached one if the hub cannot be reached).

    Raises:
        AssetError: There are no such weights, or they are not available; the message has how to fix it.
    """
    if is_folder(model.source):
        folder = check_model_folder(model.source)
        return Weights(folder, _check_version(model, folder_version(context.home, folder)))
    if "/" not in model.source:
        folder = context.asset(model.source)
        return Weights(folder, _check_version(model, asset_version(folder)))
    commit = resolve_commit(model.source, model.version, offline=context.offline)
    folder = fetch_snapshot(model.source, model.version, commit, offline=context.offline, progress=context.progress)
    return Weights(folder, commit)


def version(context: Context, model: BaseModel) -> str:
    """Return the version that `locate` would return, without downloading the weights of a hub id.

    Raises:
        AssetError: As in `locate`.
    """
    if "/" in model.source and not is_folder(model.source):
        return resolve_commit(model.source, model.version, offline=context.offline)
    return locate(context, model).version


def asset_version(folder: Path) -> str:
    """Return the version of an asset that holds weights: the one its source reported, else the hash of its manifest."""
    manifest = json.loads((folder / "asset.json").read_text(encoding="utf-8"))
    metadata: Mapping[str, str] = manifest.get("facts", {})
    return metadata.get("version") or digest(manifest)


def _check_version(model: BaseModel, actual: str) -> str:
    if model.version not in ("", actual):
        message = f"the weights {model.source!r} have version {actual!r}, but the pipeline asks for {model.version!r}"
        raise AssetError(message)
    return actual
