"""Datasets of the Hugging Face hub, loaded by the `datasets` library: first a commit, then that commit and no other."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from llmops_plugins._hub.repository import HubUnreachableError, Repository
from llmops_plugins._hub.snapshot import cached_snapshot, download_snapshot
from llmops_plugins.datasets.options import EXTRA
from llmops_sdk.plugin import (
    AssetError,
    Context,
    DataError,
    MissingExtraError,
    NamedRow,
    Secret,
    class_name,
    install_hint,
)

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

_ALTERNATIVE = "use the bundled dataset 'sample', or the dataset 'file' with the path of a file"


@attrs.frozen
class HubDataset:
    """A dataset on the hub.

    Attributes:
        id: `OWNER/NAME`.
        config: Its configuration, or empty.
        revision: A branch, tag or commit, or empty for the newest commit.
        token: For private datasets.
        alternative: What messages suggest if the dataset is not available.
    """

    id: str
    config: str = ""
    revision: str = ""
    token: Secret | None = None
    alternative: str = _ALTERNATIVE

    @property
    def repository(self) -> Repository:
        """Its repository, at the revision."""
        return Repository(id=self.id, kind="dataset", revision=self.revision, token=self.token)


@attrs.frozen
class PinnedDataset:
    """A dataset at a known commit.

    Attributes:
        dataset: The dataset.
        commit: The commit of its revision.
        folder: The commit's files in the hub's cache, if only the cache is used; else None.
    """

    dataset: HubDataset
    commit: str
    folder: Path | None


def pin(dataset: HubDataset, context: Context) -> PinnedDataset:
    """Resolve a revision to its commit: on the hub, or in the hub's cache if the network must not be used.

    If the hub does not answer, the commit in the cache is used and reported, if there is one.

    Raises:
        DataError: The hub cannot be reached and the cache has no such commit, or the hub has no such dataset or
            revision, or does not let this token read it.
        MissingExtraError: The library is not installed.
    """
    _require_library(dataset)
    import datasets
    from huggingface_hub import constants

    with _quiet():
        if context.offline or constants.HF_HUB_OFFLINE or datasets.config.HF_HUB_OFFLINE:
            return _pin_in_cache(dataset, "the network is not used (offline)")
        try:
            # The small README is downloaded because the cache then knows the revision's commit, for an offline run.
            snapshot = download_snapshot(dataset.repository, allow=("README.md",))
        except HubUnreachableError as exc:
            pinned = _pin_in_cache(dataset, str(exc))
        except AssetError as exc:
            raise DataError(str(exc)) from exc
        else:
            return PinnedDataset(dataset, snapshot.commit, folder=None)
    commit = pinned.commit[:12]
    context.progress.log(
        f"the Hugging Face hub cannot be reached; using {dataset.id} from its cache, at commit {commit}"
    )
    return pinned


def load_split(pinned: PinnedDataset, split: str, context: Context) -> Dataset:
    """Load one split of a pinned dataset; its rows stay on disk, memory-mapped.

    Raises:
        DataError: The files are not available, or have no such configuration or split.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    dataset = pinned.dataset
    token = dataset.token.reveal() if dataset.token and not pinned.folder else None
    with _quiet(), context.progress.task(f"loading {dataset.id}"):
        try:
            # A folder is loaded without any request; for a hub id, the commit keeps the library from asking
            # further services, and from loading what the branch has become since.
            loaded = load_dataset(
                str(pinned.folder or dataset.id),
                name=dataset.config or None,
                split=split,
                revision=None if pinned.folder else pinned.commit,
                token=token,
            )
        except (OSError, ValueError, RuntimeError, DatasetsError) as exc:
            name = f"the cached commit {pinned.commit[:12]} of {dataset.id!r}" if pinned.folder else repr(dataset.id)
            # The library's error for an unknown split or configuration already has the known ones.
            hint = f"; {dataset.alternative}" if isinstance(exc, OSError) else ""
            message = f"{name} cannot be loaded: {_one_line(exc)}{hint}"
            raise DataError(message) from exc
    _require_commit(loaded, pinned)
    return loaded


def stream_cached(dataset: HubDataset, split: str) -> IterableDataset | None:
    """Return a split as the hub's cache has it, read row by row; None if it is not there. Makes no request.

    Raises:
        MissingExtraError: The library is not installed.
    """
    _require_library(dataset)
    from datasets import load_dataset

    with _quiet():
        try:
            snapshot = cached_snapshot(dataset.repository)
            if snapshot is None:
                return None
            rows = load_dataset(
                str(snapshot.folder), name=dataset.config or None, split=split.partition("[")[0], streaming=True
            )
        except Exception:  # noqa: BLE001 - the cache may hold a part of the files; what is wrong with them, the run reports
            return None
    return rows if rows.features else None


def read_rows(dataset: Dataset | IterableDataset, split: str) -> Iterator[NamedRow]:
    """Yield the rows of a loaded split; a class label is its name, or null without one."""
    names = {column: feature.names for column, feature in dataset.features.items() if hasattr(feature, "names")}
    for number, row in enumerate(dataset, start=1):
        labels = {column: class_name(row[column], texts) for column, texts in names.items()}
        yield NamedRow(f"record {number} of {split!r}", {**row, **labels})


def _require_library(dataset: HubDataset) -> None:
    try:
        import datasets  # noqa: F401 - whether it is installed
    except ImportError as exc:
        message = (
            f"{dataset.id!r} is loaded from the Hugging Face hub with the datasets library:"
            f" {install_hint(EXTRA)}, or {dataset.alternative}"
        )
        raise MissingExtraError(message) from exc


def _pin_in_cache(dataset: HubDataset, reason: str) -> PinnedDataset:
    try:
        snapshot = cached_snapshot(dataset.repository)
    except AssetError as exc:
        raise DataError(str(exc)) from exc
    if snapshot is None:
        name = f"revision {dataset.revision!r} of {dataset.id!r}" if dataset.revision else repr(dataset.id)
        message = f"{reason}, and the hub's cache does not have {name}: {dataset.alternative}"
        raise DataError(message)
    return PinnedDataset(dataset, snapshot.commit, snapshot.folder)


def _require_commit(loaded: Dataset, pinned: PinnedDataset) -> None:
    """Refuse rows of another commit: the library falls back to the newest cached ones if the hub fails meanwhile."""
    files = [Path(file["filename"]) for file in loaded.cache_files]
    if not pinned.folder and any(pinned.commit not in file.parts for file in files):
        message = f"the Hugging Face hub did not answer while {pinned.dataset.id!r} was loaded; try again"
        raise DataError(message)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the libraries' progress bars and warnings, and their request that counts downloads."""
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
