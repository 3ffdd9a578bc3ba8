"""Models on the Hugging Face hub: which commit a name means, and its files in the hub's own cache."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmops_sdk.plugin import AssetError, Progress

_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATTERNS = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
# Weights of other frameworks lie in folders below; models that a folder up here names are whole without them.
_IGNORED = ("*/*",)
_TIMEOUT = 15.0


def resolve_commit(repository: str, revision: str, *, offline: bool) -> str:
    """Return the commit that a revision (a branch, a tag, a commit, or empty for the newest) names now.

    Where the hub cannot be reached, it is the commit that the cache holds for that revision.

    Raises:
        AssetError: The hub knows no such model or revision, or neither hub nor cache can tell.
    """
    if _COMMIT.fullmatch(revision):
        return revision
    if offline:
        return _cached_commit(repository, revision, "the run is offline")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        found = HfApi().model_info(repository, revision=revision or None, timeout=_TIMEOUT)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise AssetError(_explain(error, repository, revision)) from error
    except (OSError, ValueError) as error:
        return _cached_commit(repository, revision, _explain(error, repository, revision))
    return str(found.sha)


def fetch_snapshot(repository: str, revision: str, commit: str, *, offline: bool, progress: Progress) -> Path:
    """Return the folder of the hub's cache with a model's files, downloaded first where they are missing.

    Args:
        repository: The model's id.
        revision: As it was asked for, or empty; the cache then knows its commit when there is no network.
        commit: What `resolve_commit` found for it.
        offline: Whether only the cache may be looked at.
        progress: Where to tell how far the download is.

    Raises:
        AssetError: They cannot be downloaded, or are no causal language model with safetensors.
    """
    folder = _cached_folder(repository, revision or None)
    if folder is None or folder.name != commit or not _is_complete(folder):
        if offline:
            message = (
                f"the model {repository!r} at {commit[:12]} is not complete in the Hugging Face cache, and the run is "
                "offline: run once with a network, or give a folder"
            )
            raise AssetError(message)
        folder = _download(repository, revision or None, progress)
        if folder.name != commit:  # the branch has moved in the meantime
            folder = _download(repository, commit, progress)
    if not _is_complete(folder):
        message = f"{repository!r} has no config.json with *.safetensors weights: name another model, or convert it"
        raise AssetError(message)
    return folder


def _cached_commit(repository: str, revision: str, reason: str) -> str:
    folder = _cached_folder(repository, revision or None)
    if folder is None:
        hint = f"type 'hf download {repository}' where there is a network and copy that cache here, or give a folder"
        message = f"the model {repository!r} is not in the Hugging Face cache, and {reason}; {hint}"
        raise AssetError(message)
    return folder.name


def _cached_folder(repository: str, revision: str | None) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, revision=revision, local_files_only=True))
    except OSError:
        return None
    except ValueError as error:  # an id that is none
        message = f"{repository!r} is no folder and no hub id: {error}"
        raise AssetError(message) from error


def _is_complete(folder: Path) -> bool:
    """Tell whether a folder has the configuration and every file of weights."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return all((folder / shard).is_file() for shard in shards)
    return any(folder.glob("*.safetensors"))


def _download(repository: str, revision: str | None, progress: Progress) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import disable_progress_bars, filter_repo_objects  # type: ignore[attr-defined]

    blobs = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repository, repo_type="model"), "blobs")
    try:
        info = HfApi().model_info(repository, revision=revision, files_metadata=True, timeout=_TIMEOUT)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        wanted = filter_repo_objects(sizes, allow_patterns=list(_PATTERNS), ignore_patterns=list(_IGNORED))
        disable_progress_bars()
        with (
            progress.task(f"downloading {repository}", sum(sizes[name] for name in wanted), "bytes") as task,
            _watching(blobs, task.update),
        ):
            return Path(
                snapshot_download(
                    repository, revision=revision, allow_patterns=list(_PATTERNS), ignore_patterns=list(_IGNORED)
                )
            )
    except (OSError, ValueError) as error:
        raise AssetError(_explain(error, repository, revision or "")) from error


@contextmanager
def _watching(folder: Path, tell: Callable[[float], None]) -> Iterator[None]:
    """Tell how many bytes have come into a folder: the hub's library reports to its own bars only."""
    before = sum(size for name, size in _sizes(folder) if not name.endswith(".incomplete"))
    stopped = threading.Event()

    def watch() -> None:
        while not stopped.wait(0.5):
            tell(sum(size for _, size in _sizes(folder)) - before)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.glob("*"):
        try:
            yield path.name, path.stat().st_size
        except FileNotFoundError:  # renamed between the two looks
            continue


def _explain(error: Exception, repository: str, revision: str) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, GatedRepoError):
        return (
            f"the model {repository!r} is gated: accept its licence on its page at the hub, then log in with "
            "'hf auth login' or set HF_TOKEN"
        )
    if isinstance(error, RepositoryNotFoundError):
        return f"the hub knows no model {repository!r}, or it is private: check the id, or log in with 'hf auth login'"
    if isinstance(error, RevisionNotFoundError):
        return f"the model {repository!r} has no revision {revision!r} at the hub"
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"the Hugging Face hub gave no answer about {repository!r} ({reason[:200]})"
