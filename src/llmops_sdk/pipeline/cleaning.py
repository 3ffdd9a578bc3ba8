"""Freeing what a store holds that no run needs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import attrs

from llmops_sdk.cleanup.choice import Choice
from llmops_sdk.cleanup.cleanup import Cleanup
from llmops_sdk.cleanup.contents import read_contents
from llmops_sdk.cleanup.decide import Decision, decide
from llmops_sdk.cleanup.free import free
from llmops_sdk.cleanup.keep import RunChecks
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.progress import Progress, progress_for
from llmops_sdk.record.runs import find_run
from llmops_sdk.record.stores import DEFAULT_STORE, Store
from llmops_sdk.steps.runtime import Runtime, default_home
from llmops_sdk.values.quantities import parse_age, parse_size


def clean(  # noqa: PLR0913 - one parameter for each option of `llmops clean`, and the plugins
    *runs: str,
    store: Store | Path | str = DEFAULT_STORE,
    older_than: str = "",
    keep_last: int | None = None,
    max_size: str = "",
    failed: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Cleanup:
    """Free runs, and what no run needs: artifacts, plans, and what stopped runs left.

    A run is freed if all that is asked for applies to it; without runs and without any of it, only what no run needs is
    freed. Never freed are a run that is running or whose resources may still exist, and what another run needs.

    Args:
        *runs: The runs to be freed: their IDs, or unique prefixes.
        store: Where runs are stored: a folder, a URI such as `s3://bucket/prefix`, or a `Store`.
        older_than: Runs that were not worked on for longer (`30d`).
        keep_last: All but this many newest runs of each pipeline.
        max_size: The oldest runs, until the store has at most this size (`10GB`).
        failed: Runs without a result of any candidate.
        dry_run: Whether to return what would be freed, and free nothing.
        progress: Where progress is shown; by default the terminal.
        registry: The plugins; by default the installed ones.

    Raises:
        RunNotFoundError: The store has no such run.
        SpecError: An age or a size is not written as one, or runs are both named and chosen.
    """
    registry = registry or Registry.load()
    opened = store if isinstance(store, Store) else open_store(str(store), registry)
    choice = choose(opened, runs, older_than=older_than, keep_last=keep_last, max_size=max_size, failed=failed)
    with progress or progress_for() as shown:
        cleaning = Cleaning(opened, choice, Runtime(registry, default_home(), progress=shown))
        return cleaning.preview if dry_run else cleaning.free(shown)


def choose(
    store: Store, runs: Sequence[str], *, older_than: str, keep_last: int | None, max_size: str, failed: bool
) -> Choice:
    """Return which runs are to be freed; see `clean`."""
    return Choice(
        runs=tuple(find_run(store, run) for run in runs),
        older_than=parse_age(older_than) if older_than else None,
        keep_last=keep_last,
        max_size=parse_size(max_size) if max_size else None,
        failed=failed,
    )


class Cleaning:
    """What is freed in a store: first to be looked at, then to be done.

    Args:
        store: The store.
        choice: Which runs are freed.
        runtime: The process's registry, cache and progress.
    """

    def __init__(self, store: Store, choice: Choice, runtime: Runtime) -> None:
        self._store = store
        self._choice = choice
        self._checks = RunChecks(store, runtime, time.time())
        with runtime.progress.task("reading the store"):
            self._decision: Decision = decide(read_contents(store), choice, self._checks)

    @property
    def preview(self) -> Cleanup:
        """What would be freed."""
        return Cleanup.of(self._decision, max_size=self._choice.max_size)

    def free(self, progress: Progress) -> Cleanup:
        """Free it.

        Args:
            progress: Where progress is shown.
        """
        checks = attrs.evolve(self._checks, runtime=attrs.evolve(self._checks.runtime, progress=progress))
        freed = free(self._store, self._decision, checks)
        return Cleanup.of(freed.decision, max_size=self._choice.max_size, freed=freed.size)
