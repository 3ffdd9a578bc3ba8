"""What `compare` is given: files, folders and finished runs, each under a name if the user gives one."""

from __future__ import annotations

from pathlib import Path
from typing import Union

import attrs

from llmops_sdk.errors import DataError, RunNotFoundError, SpecError, did_you_mean
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.record.layout import RUNS, RunLayout, split_run_uri
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run
from llmops_sdk.record.stores import Store
from llmops_sdk.values.names import name_from, name_of_file


@attrs.frozen
class FileSource:
    """A file or folder that another tool left.

    Attributes:
        path: Where it is.
        name: What the user calls it, or empty.
    """

    path: Path
    name: str = ""

    @property
    def label(self) -> str:
        """What messages call it."""
        return str(self.path)

    @property
    def usual_name(self) -> str:
        """What distinguishes its candidates from those of the same name in another source."""
        return self.name or name_of_file(self.path) or "file"


@attrs.frozen
class RunSource:
    """A finished run.

    Attributes:
        run: The run.
        candidate: The one candidate that counts; empty for all.
        name: What the user calls it, or empty.
    """

    run: Run
    candidate: str = ""
    name: str = ""

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"run {self.run.id}:{self.candidate}" if self.candidate else f"run {self.run.id}"

    @property
    def usual_name(self) -> str:
        """What distinguishes its candidates from those of the same name in another source."""
        return self.name or self.run.id


Source = Union[FileSource, RunSource]
"""What the results of one or more candidates are read from."""


def find_source(text: str | Path, store: Store, registry: Registry) -> Source:
    """Return what a user means by `PATH`, `RUN` or `RUN:CANDIDATE`, each also as `NAME=...`.

    A path that exists is meant as a path.

    Args:
        text: As the user wrote it.
        store: Where runs are looked for.
        registry: The plugins, for a run that is named by its address in another store.

    Raises:
        SpecError: The name is not one.
        DataError: There is no such file.
        RunNotFoundError: There is neither a file nor a run of this name.
    """
    if isinstance(text, Path) or _exists(text):
        return _at(Path(text).expanduser(), "")
    name, equals, rest = text.partition("=")
    if not equals or not rest or "/" in name:
        return _find_run(text, "", store, registry)
    if not name or name_from(name) != name:
        hint = f"; write {name_from(name)}={rest}" if name_from(name) else ""
        message = f"the name {name!r} may have letters, digits, '-' and '_' only{hint}"
        raise SpecError(message)
    if _exists(rest):
        return _at(Path(rest).expanduser(), name)
    return _find_run(rest, name, store, registry)


def _at(path: Path, name: str) -> Source:
    """Return what is at a path: the folder of a run's record is that run."""
    folder = path.resolve()
    store = folder.parent.parent
    if folder.parent.name == RUNS.rstrip("/") and (store / RunLayout(folder.name).metadata).is_file():
        return RunSource(Run.open(LocalStore(store), folder.name), name=name)
    return FileSource(path, name)


def _exists(text: str) -> bool:
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # too long a name, no such user's home
        return False


def _find_run(text: str, name: str, store: Store, registry: Registry) -> RunSource:
    run_id, candidate = text, ""
    if ":" in text.rpartition("/")[2]:
        run_id, _, candidate = text.rpartition(":")
    try:
        if "://" in run_id:
            address = split_run_uri(run_id)
            run = Run.open(open_store(address.store_uri, registry), address.run_id)
        else:
            run = Run.open(store, run_id)
    except RunNotFoundError as exc:
        if "://" not in text and ("/" in text or Path(text).suffix):
            message = f"the file {text!r} does not exist"
            raise DataError(message) from exc
        message = f"there is neither a file nor a run {run_id!r}: {exc}"
        raise RunNotFoundError(message) from exc
    candidates = dict.fromkeys(cell.candidate for cell in run.plan.cells)
    if candidate and candidate not in candidates:
        message = f"run {run.id!r} has no candidate {candidate!r}{did_you_mean(candidate, candidates)}"
        raise SpecError(message)
    return RunSource(run, candidate, name)
