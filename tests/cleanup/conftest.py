"""What the tests of `clean` share: a store of each kind, quick pipelines, and freeing without a question."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Result, StepFailedError
from llmops_sdk.cleanup.choice import Choice
from llmops_sdk.cleanup.contents import read_contents
from llmops_sdk.cleanup.decide import Decision, decide
from llmops_sdk.cleanup.free import Freed, free
from llmops_sdk.cleanup.keep import RunChecks
from llmops_sdk.plugin import Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.stores import Store
from llmops_sdk.testing import MemoryStore

DAY = 86400.0

RunPipeline = Callable[[Pipeline], Result]


@attrs.frozen
class Cleaner:
    """Decides and frees in one store.

    Attributes:
        store: The store.
        runtime: A runtime with the plugins of the tests.
        now: When it is, in seconds since the epoch.
    """

    store: Store
    runtime: Runtime
    now: float = attrs.field(factory=lambda: time.time() + 1)

    @property
    def checks(self) -> RunChecks:
        """Looks at the runs of the store."""
        return RunChecks(self.store, self.runtime, self.now)

    def decide(self, **choice: Any) -> Decision:
        """Decide what is freed."""
        return decide(read_contents(self.store), Choice(**choice), self.checks)

    def free(self, **choice: Any) -> Freed:
        """Decide and free."""
        return free(self.store, self.decide(**choice), self.checks)

    def later(self, seconds: float) -> Cleaner:
        """Return the same at another time."""
        return attrs.evolve(self, now=self.now + seconds)


@pytest.fixture(name="store", params=["local", "memory"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore(tmp_path / "runs") if request.param == "local" else MemoryStore()


@pytest.fixture(name="runtime")
def _runtime(registry: Registry, home: Path) -> Runtime:
    return Runtime(registry, home)


@pytest.fixture(name="cleaner")
def _cleaner(store: Store, runtime: Runtime) -> Cleaner:
    return Cleaner(store, runtime)


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A base model and a tuned one on ten test records, with an evaluator that asks probes."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    pipeline = pipeline.with_model("echo", name="quiet", voice="direct-quiet", fine_tune=False)
    pipeline = pipeline.with_model("echo", name="loud", trainer={"voice": "direct-loud"})
    return pipeline.with_evaluator("echo-score").with_evaluator("echo-probes")


@pytest.fixture(name="run")
def _run(store: Store, registry: Registry) -> RunPipeline:
    """Run a pipeline in the store, without output; a run in which every candidate failed is a result too."""

    def run(pipeline: Pipeline) -> Result:
        try:
            return pipeline.run(store=store, registry=registry, progress=Progress())
        except StepFailedError as exc:
            return Result(exc.run)

    return run


def keys(store: Store, prefix: str = "") -> set[str]:
    """Return the keys of a store, without those of locks and of the last run."""
    return {key for key in store.list(prefix) if not key.startswith(("locks/", "last-run.json"))}


def files(store: Store, prefixes: Iterable[str]) -> dict[str, bytes | None]:
    """Return the files below some prefixes."""
    return {key: store.get(key) for prefix in prefixes for key in keys(store, prefix)}
