"""Datasets of the Hugging Face hub, through the `datasets` library: a commit first, then that commit and no other."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_plugins.datasets.options import EXTRA
from llmops_sdk.plugin import Context, DataError, MissingExtraError, Record, Secret

if TYPE_CHECKING:
    from datasets import Dataset

_TIMEOUT = 15.0
"""Seconds to wait for the hub's answer to the question which commit a revision is."""

_INSTEAD = "use the bundled dataset 'sample', or the dataset 'jsonl' or 'csv' with the path of a file"


@attrs.frozen
class HubId:
    """What is asked of the hub.

    Attributes:
        id: The dataset.
        name: Its configuration, or empty.
        revision: A branch, tag or commit, or empty for the newest.
        token: For private datasets.
        instead: What messages advise where the hub cannot be reached.
    """

    id: str
    name: str = ""
    revision: str = ""
    token: Secret | None = None
    instead: str = _INSTEAD


@attrs.frozen
class Pinned:
    """A dataset of which the commit is known.

    Attributes:
        hub_id: What was asked.
        commit: The commit it is.
        folder: The commit's files in Hugging Face's cache, where the hub is not asked for them; None elsewhere.
    """

    hub_id: HubId
    commit: str
    folder: Path | None


def pin(hub_id: HubId, context: Context) -> Pinned:
    """Resolve a revision to its commit: by the hub, or by Hugging Face's cache where the network must not be used.

    A hub that does not answer is told; the commit in the cache is then used, where there is one.

    Raises:
        DataError: The hub cannot be reached and the cache has no such commit, or the hub has no such dataset or
            revision, or does not let this token read it.
        MissingExtraError: The library is not installed.
    """
    _require_library(hub_id)
    import datasets
    from huggingface_hub import constants

    if context.offline or constants.HF_HUB_OFFLINE or datasets.config.HF_HUB_OFFLINE:
        return _pin_in_cache(hub_id, "the network is not used (offline)")
    with _quiet():
        try:
            return Pinned(hub_id, _ask_commit(hub_id), folder=None)
        except _Unreachable as exc:
            pinned = _pin_in_cache(hub_id, f"the Hugging Face hub cannot be reached ({exc})")
    context.progress.log(
        f"the Hugging Face hub cannot be reached; {hub_id.id} is read from its cache, at commit {pinned.commit[:12]}"
    )
    return pinned


def read_split(pinned: Pinned, split: str, context: Context) -> Dataset:
    """Load one split of a pinned dataset; its rows stay on disk, memory-mapped.

    Raises:
        DataError: The files cannot be had, or have no such configuration or split.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    hub_id = pinned.hub_id
    token = hub_id.token.reveal() if hub_id.token and not pinned.folder else None
    with _quiet(), context.progress.task(f"loading {hub_id.id}"):
        try:
            # A folder is loaded without any request; for a hub id, the commit keeps the library from asking
            # further services, and from taking what a branch has become in between.
            loaded = load_dataset(
                str(pinned.folder or hub_id.id),
                name=hub_id.name or None,
                split=split,
                revision=None if pinned.folder else pinned.commit,
                token=token,
            )
        except (OSError, ValueError, RuntimeError, DatasetsError) as exc:
            where = f"the cached commit {pinned.commit[:12]} of {hub_id.id!r}" if pinned.folder else repr(hub_id.id)
            # not so for an unknown split or configuration, which the library tells with those there are
            advice = f"; {hub_id.instead}" if isinstance(exc, OSError) else ""
            message = f"{where} cannot be loaded: {_one_line(exc)}{advice}"
            raise DataError(message) from exc
    _require_commit(loaded, pinned)
    return loaded


def numbered(dataset: Dataset, name: str) -> Iterator[tuple[str, Record]]:
    """Yield the records of a loaded split, each with what messages call it."""
    for number, record in enumerate(dataset, start=1):
        yield f"record {number} of {name!r}", record


class _Unreachable(Exception):  # noqa: N818 - a turn of the road, caught in this module
    """The hub does not answer."""


def _require_library(hub_id: HubId) -> None:
    try:
        import datasets  # noqa: F401
    except ImportError as exc:
        message = (
            f"{hub_id.id!r} comes from the Hugging Face hub through the datasets library:"
            f" pip install 'llmops-sdk[{EXTRA}]', or {hub_id.instead}"
        )
        raise MissingExtraError(message) from exc


def _ask_commit(hub_id: HubId) -> str:
    """Ask the hub which commit the revision is.

    The files beside the data are fetched through `snapshot_download` because it also writes into the cache which
    commit the revision was: that is what a later offline run finds.
    """
    import httpx
    from huggingface_hub import HfApi, errors

    api = HfApi(token=hub_id.token.reveal() if hub_id.token else None)
    revision = hub_id.revision or None
    try:
        commit = api.dataset_info(hub_id.id, revision=revision, timeout=_TIMEOUT).sha
        folder = api.snapshot_download(hub_id.id, repo_type="dataset", revision=revision, allow_patterns=["README.md"])
    except errors.RepositoryNotFoundError as exc:
        token = "the token may not read it" if hub_id.token else "a private or gated one needs token: env:HF_TOKEN"
        message = f"the Hugging Face hub has no dataset {hub_id.id!r} that can be read; {token}"
        raise DataError(message) from exc
    except errors.RevisionNotFoundError as exc:
        message = f"the dataset {hub_id.id!r} has no revision {hub_id.revision!r} on the Hugging Face hub"
        raise DataError(message) from exc
    except errors.HFValidationError as exc:
        message = f"{hub_id.id!r} is no dataset id of the Hugging Face hub: write OWNER/NAME"
        raise DataError(message) from exc
    except (OSError, httpx.HTTPError) as exc:
        raise _Unreachable(type(exc).__name__) from exc
    return Path(folder).name if folder else str(commit)


def _pin_in_cache(hub_id: HubId, why: str) -> Pinned:
    from huggingface_hub import errors, snapshot_download

    try:
        folder = Path(
            snapshot_download(hub_id.id, repo_type="dataset", revision=hub_id.revision or None, local_files_only=True)
        )
    except errors.HFValidationError as exc:
        message = f"{hub_id.id!r} is no dataset id of the Hugging Face hub: write OWNER/NAME"
        raise DataError(message) from exc
    except OSError as exc:
        what = f"revision {hub_id.revision!r} of {hub_id.id!r}" if hub_id.revision else repr(hub_id.id)
        message = f"{why}, and its cache has not {what}: {hub_id.instead}"
        raise DataError(message) from exc
    return Pinned(hub_id, folder.name, folder)


def _require_commit(loaded: Dataset, pinned: Pinned) -> None:
    """Refuse rows of another commit: the library takes the newest cached ones when the hub fails under way."""
    files = [Path(file["filename"]) for file in loaded.cache_files]
    if not pinned.folder and any(pinned.commit not in file.parts for file in files):
        message = f"the Hugging Face hub did not answer while {pinned.hub_id.id!r} was loaded; try again"
        raise DataError(message)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries' bars and warnings from the terminal, and their count of downloads from the network."""
    import datasets
    from huggingface_hub import utils as hub

    with ExitStack() as stack:
        for bars in (datasets, hub):
            if not bars.are_progress_bars_disabled():
                stack.callback(bars.enable_progress_bars)
                bars.disable_progress_bars()
        for name in ("datasets", "huggingface_hub"):
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.ERROR)
        stack.callback(_set, datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", datasets.config.HF_UPDATE_DOWNLOAD_COUNTS)
        datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
        yield


def _set(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)
