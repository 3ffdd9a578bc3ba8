"""A snapshot of a repository on the Hugging Face hub: its commit, and the files of that commit in the hub's own cache.

The libraries of the hub keep one cache on a machine (`HF_HOME`), and so does everything here: nothing is copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins._hub.progress import report_growth
from llmops_plugins._hub.repository import Repository, hub_error, hub_errors
from llmops_sdk.plugin import AssetError, Progress

_TIMEOUT = 15.0


@attrs.frozen(kw_only=True)
class Snapshot:
    """The files of one commit.

    Attributes:
        commit: The commit's hash.
        folder: Where its files are, in the hub's cache; it may lack files that were never asked for.
    """

    commit: str
    folder: Path


def find_snapshot(
    repository: Repository,
    *,
    offline: bool,
    allow: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Progress | None = None,
) -> Snapshot:
    """Return the files of a revision from the hub, or from the cache where the hub is not or cannot be used.

    Args:
        repository: Whose files.
        offline: Whether only the cache is used.
        allow: Patterns of the files to download; all where it is empty.
        ignore: Patterns of files to leave out.
        progress: Where the download is reported, in bytes.

    Raises:
        AssetError: Neither the hub nor the cache has them; the message is the hub's reason.
    """
    if not offline:
        try:
            return download_snapshot(repository, allow=allow, ignore=ignore, progress=progress)
        except AssetError:
            cached = cached_snapshot(repository)
            if cached is None:
                raise
            return cached
    cached = cached_snapshot(repository)
    if cached is None:
        message = f"the {repository.label} is not in the Hugging Face cache"
        raise AssetError(message)
    return cached


def cached_snapshot(repository: Repository) -> Snapshot | None:
    """Return what the cache has of a revision, or None; makes no request.

    Raises:
        AssetError: The id is not one of the hub's.
    """
    _require_library()
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            repository.id,
            repo_type=repository.kind,
            revision=repository.revision or None,
            local_files_only=True,
            allow_patterns=[],  # huggingface-hub 2 refuses a snapshot without the files that are asked for
        )
    except OSError:
        return None
    except ValueError as exc:
        raise hub_error(exc, repository) from exc
    return Snapshot(commit=Path(folder).name, folder=Path(folder))


def hub_commit(repository: Repository) -> str:
    """Ask the hub which commit a revision is now.

    Raises:
        HubUnreachableError: The hub does not answer.
        AssetError: It has no such repository or revision, or refuses to show it.
    """
    _require_library()
    with hub_errors(repository):
        return str(_ask(repository, sizes=False).sha)


def download_snapshot(
    repository: Repository,
    *,
    allow: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Progress | None = None,
) -> Snapshot:
    """Download the files of a revision that the cache lacks; the cache then also knows the revision's commit offline.

    Args:
        repository: Whose files.
        allow: Patterns of the files to download; all where it is empty.
        ignore: Patterns of files to leave out.
        progress: Where the download is reported, in bytes.

    Raises:
        HubUnreachableError: The hub does not answer.
        AssetError: It has no such repository or revision, or refuses to show it.
    """
    _require_library()
    from huggingface_hub import snapshot_download

    with hub_errors(repository):
        info = _ask(repository, sizes=progress is not None)
        with _reported(repository, _size(info, allow, ignore), progress):
            folder = snapshot_download(
                repository.id,
                repo_type=repository.kind,
                revision=repository.revision or None,
                token=_token(repository),
                allow_patterns=list(allow) or None,
                ignore_patterns=list(ignore) or None,
            )
    return Snapshot(commit=Path(folder).name, folder=Path(folder))


def download_to(folder: Path, repository: Repository, *, allow: Sequence[str]) -> None:
    """Download the files of a revision that match patterns into a folder, past the cache.

    Raises:
        HubUnreachableError: The hub does not answer.
        AssetError: It has no such repository or revision, or refuses to show it.
    """
    _require_library()
    from huggingface_hub import snapshot_download

    with hub_errors(repository), _quiet():
        snapshot_download(
            repository.id,
            repo_type=repository.kind,
            revision=repository.revision or None,
            token=_token(repository),
            allow_patterns=list(allow),
            local_dir=folder,
        )


def _require_library() -> None:
    """Check that the hub's library is there, and turn off its telemetry, for which version 2 makes requests of its own."""
    try:
        from huggingface_hub import constants
    except ImportError as exc:
        message = "huggingface_hub is not installed: pip install huggingface-hub"
        raise AssetError(message) from exc
    constants.HF_HUB_DISABLE_TELEMETRY = True


def _ask(repository: Repository, *, sizes: bool) -> Any:
    from huggingface_hub import HfApi

    return HfApi(token=_token(repository)).repo_info(
        repository.id,
        repo_type=repository.kind,
        revision=repository.revision or None,
        files_metadata=sizes,
        timeout=_TIMEOUT,
    )


def _token(repository: Repository) -> str | None:
    return repository.token.reveal() if repository.token else None


def _size(info: Any, allow: Sequence[str], ignore: Sequence[str]) -> int:
    """Return the bytes of the files that match the patterns; 0 where the hub was not asked for sizes."""
    from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined] # public, not in its __all__

    sizes: dict[str, int] = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    names = filter_repo_objects(sizes, allow_patterns=list(allow) or None, ignore_patterns=list(ignore) or None)
    return sum(sizes[name] for name in names)


@contextmanager
def _reported(repository: Repository, size: int, progress: Progress | None) -> Iterator[None]:
    """Report a download in our own way."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    blobs = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repository.id, repo_type=repository.kind), "blobs")
    with _quiet():
        if progress is None:
            yield
        else:
            with (
                progress.task(f"downloading {repository.id}", size or None, "bytes") as task,
                report_growth(blobs, task.update),
            ):
                yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the bars of the hub's library from the terminal."""
    from huggingface_hub.utils import (  # type: ignore[attr-defined] # public, not in its __all__
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    shown = not are_progress_bars_disabled()
    if shown:
        disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()
