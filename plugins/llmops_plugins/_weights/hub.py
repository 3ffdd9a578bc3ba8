"""Models on the Hugging Face hub: the commit of a revision, and its files in the hub's own cache."""

from __future__ import annotations

import json
import re
from pathlib import Path

from llmops_plugins._hub.repository import HubUnreachableError, Repository
from llmops_plugins._hub.snapshot import cached_snapshot, download_snapshot, hub_commit
from llmops_plugins._weights.folder import adapter_problem
from llmops_sdk.plugin import AssetError, Progress

_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATTERNS = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
# Folders below hold the weights for other frameworks; a model is complete without them.
_IGNORED = ("*/*",)


def resolve_commit(hub_id: str, revision: str, *, offline: bool) -> str:
    """Return the commit that a revision (a branch, a tag, a commit, or empty for the newest) names now.

    If the hub cannot be reached, it is the commit that the cache holds for that revision.

    Raises:
        AssetError: The hub has no such model or revision, or neither hub nor cache is available.
    """
    if _COMMIT.fullmatch(revision):
        return revision
    repository = Repository(id=hub_id, revision=revision)
    if offline:
        return _cached_commit(repository, "the run is offline")
    try:
        return hub_commit(repository)
    except HubUnreachableError as error:
        return _cached_commit(repository, str(error))


def fetch_snapshot(hub_id: str, revision: str, commit: str, *, offline: bool, progress: Progress) -> Path:
    """Return the folder of the hub's cache with a model's files, downloaded if they are missing.

    Args:
        hub_id: The model's id.
        revision: As it was asked for, or empty; the cache then knows its commit without a network.
        commit: What `resolve_commit` returned for it.
        offline: Whether to use only the cache.
        progress: Where the download is reported.

    Raises:
        AssetError: They cannot be downloaded, or are not a causal language model with safetensors.
    """
    snapshot = cached_snapshot(Repository(id=hub_id, revision=revision))
    folder = snapshot.folder if snapshot is not None and snapshot.commit == commit else None
    if folder is None or not _is_complete(folder):
        if offline:
            message = (
                f"the model {hub_id!r} at commit {commit[:12]} is not complete in the Hugging Face cache, and the run is "
                "offline: run once with a network, or name a folder"
            )
            raise AssetError(message)
        folder = _download(hub_id, revision, commit, progress)
    adapter = adapter_problem(folder)
    if adapter:
        message = f"{hub_id!r} is not a model in Hugging Face format: it has {adapter}"
        raise AssetError(message)
    if not _is_complete(folder):
        message = f"{hub_id!r} has no config.json with *.safetensors weights: name another model, or convert it"
        raise AssetError(message)
    return folder


def _cached_commit(repository: Repository, reason: str) -> str:
    snapshot = cached_snapshot(repository)
    if snapshot is None:
        hint = (
            f"run 'hf download {repository.id}' on a machine with a network and copy its cache here, or name a folder"
        )
        message = f"the model {repository.id!r} is not in the Hugging Face cache, and {reason}; {hint}"
        raise AssetError(message)
    return snapshot.commit


def _is_complete(folder: Path) -> bool:
    """Return whether a folder has the configuration and every file of the weights."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return all((folder / shard).is_file() for shard in shards)
    return any(folder.glob("*.safetensors"))


def _download(hub_id: str, revision: str, commit: str, progress: Progress) -> Path:
    """Download a revision, whose commit the cache then knows; and the commit itself if the branch has changed since."""
    for name in (revision, commit):
        repository = Repository(id=hub_id, revision=name)
        snapshot = download_snapshot(repository, allow=_PATTERNS, ignore=_IGNORED, progress=progress)
        if snapshot.commit == commit:
            break
    return snapshot.folder
