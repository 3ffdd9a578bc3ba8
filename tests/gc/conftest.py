"""A plugin whose resources are files, runs that use it, and a cloud whose resources carry tags."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmops_sdk import Pipeline, Run, SpecError
from llmops_sdk.gc import delete
from llmops_sdk.plugin import OrphanFinder, OrphanFinderCard, Resource, Runtime, TaggedResource, hookimpl
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore

STEP = "generate.thing"
DAY = 86400.0

PLUGIN = '''
import time
from pathlib import Path

import attrs

from llmops_sdk.plugin import (
    BaseModel, DeployerCard, EndpointError, ModelCard, ModelOptions, Resource, ResourceBusyError, OrphanFinderCard, OrphanFinder, Trainer,
    TrainerCard, TrainerOptions, hookimpl, option,
)
from llmops_sdk.testing import EchoEndpoint, EchoEndpointOptions


@attrs.frozen(kw_only=True)
class ThingOptions(ModelOptions):
    folder: str = option(help="the folder of the things, which outlive the process")

    def base_model(self):
        return BaseModel(format="echo", source="loud")


@attrs.frozen(kw_only=True)
class JobOptions(TrainerOptions):
    folder: str = option(help="as above")


@attrs.frozen(kw_only=True)
class ThingEndpointOptions(EchoEndpointOptions):
    folder: str = option(help="as above")


def path(options, resource):
    return Path(options.folder, f"{resource.kind}.{resource.name}")


def delete(options, resource):
    """Delete like a service that may refuse: a file `refuse.KIND` holds which error is raised, and how often."""
    refusal = Path(options.folder, f"refuse.{resource.kind}")
    if refusal.exists():
        kind, times = refusal.read_text().split()
        refusal.write_text(f"{kind} {int(times) - 1}") if int(times) > 1 else refusal.unlink()
        raise {"busy": ResourceBusyError, "refused": EndpointError, "broken": ValueError}[kind](f"{kind} now")
    path(options, resource).unlink(missing_ok=True)


class Things(EchoEndpoint):
    def resources(self, context, model):
        return (Resource("config", context.resource_name()), Resource("thing", context.resource_name()))

    def deploy(self, context, model):
        for resource in self.resources(context, model):
            path(self.options, resource).touch()
        return super().deploy(context, model)

    def delete(self, context, resource):
        delete(self.options, resource)


class Job(Trainer):
    def resources(self, context):
        return (Resource("job", context.resource_name()),)

    def train(self, context, model, splits, prompt):
        path(self.options, self.resources(context)[0]).touch()
        time.sleep(600)

    def delete(self, context, resource):
        delete(self.options, resource)


@hookimpl
def llmops_cards():
    return (
        ModelCard(name="thing", summary="", options=ThingOptions, trainer="thing-job", deployer="thing-endpoint"),
        DeployerCard(
            name="thing-endpoint", summary="", load="thing_plugin:Things", options=ThingEndpointOptions, accepts=("echo",)
        ),
        TrainerCard(
            name="thing-job", summary="", load="thing_plugin:Job", options=JobOptions, accepts=("echo",), produces="echo"
        ),
    )
'''

PROGRAM = """
    import sys
    import llmops_sdk.testing
    import thing_plugin
    from llmops_sdk import Pipeline
    from llmops_sdk.progress import Progress
    from llmops_sdk.plugin.registry import Registry

    store, folder, url, fine_tune = sys.argv[1:]
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    registry.add("thing", thing_plugin)
    (
        Pipeline.builder("things")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_model("thing", folder=folder, fine_tune=bool(fine_tune),
                    trainer={"folder": folder} if fine_tune else None, deployer={"folder": folder, "url": url})
        .with_evaluator("echo-score")
        .run(store=store, registry=registry, progress=Progress())
    )
"""


class WaitingModel:
    """A model that answers only after `release` is set, and reports its first request."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.release = threading.Event()

    def __call__(self, prompt: str) -> str:
        self.asked.set()
        self.release.wait(60)
        return prompt.upper()


class Cloud:
    """Tagged resources, which an orphan finder lists and deletes."""

    def __init__(self, *resources: TaggedResource) -> None:
        self.resources = {item.resource: item for item in resources}
        self.searched: list[Mapping[str, Any]] = []
        self.error = ""

    def plugin(self) -> ModuleType:
        """Return a plugin with the orphan finder of this cloud."""
        cloud = self

        class CloudFinder(OrphanFinder):
            @property
            def place(self) -> str:
                return f"cloud {self.settings.get('region', 'default')}"

            def list(self, run_id: str = "") -> Iterator[TaggedResource]:
                cloud.searched.append(self.settings)
                if cloud.error:
                    message = f"{self.place}: {cloud.error}"
                    raise SpecError(message)
                yield from [item for item in cloud.resources.values() if run_id in ("", item.run_id)]

            def price(self, tagged: TaggedResource) -> float | None:
                return {"1 x large": 1.5}.get(tagged.billed)

            def delete(self, resource: Resource) -> None:
                cloud.resources.pop(resource, None)

        module = ModuleType("cloud_plugin")
        module.CloudFinder = CloudFinder  # type: ignore[attr-defined]
        card = OrphanFinderCard(name="cloud", summary="", load="cloud_plugin:CloudFinder")
        module.llmops_cards = hookimpl(lambda: (card,))  # type: ignore[attr-defined]
        module.llmops_cards.__name__ = "llmops_cards"
        return module


@pytest.fixture(name="things")
def _things(tmp_path: Path) -> Path:
    """The folder of the plugin's resources, one file each."""
    folder = tmp_path / "things"
    folder.mkdir()
    return folder


@pytest.fixture(name="runtime")
def _runtime(tmp_path: Path, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A runtime with the plugin, and without AWS."""
    (tmp_path / "thing_plugin.py").write_text(PLUGIN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import thing_plugin  # type: ignore[import-not-found]

    registry.add("thing", thing_plugin)
    registry._offers.pop(("orphan-finder", "sagemaker"), None)
    monkeypatch.setattr(delete, "LONGEST_PAUSE", 0.01)
    yield Runtime(registry, home)
    sys.modules.pop("thing_plugin", None)


@pytest.fixture(name="start")
def _start(tmp_path: Path, things: Path, runtime: Runtime) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:  # noqa: ARG001 - it writes the plugin
    """Starts a run in a process of its own."""
    started = []

    def start(url: str = "", *, fine_tune: bool = False) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        arguments = [str(tmp_path / "runs"), str(things), url, "1" if fine_tune else ""]
        started.append(subprocess.Popen([sys.executable, "-c", textwrap.dedent(PROGRAM), *arguments], env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(name="run")
def _run(runtime: Runtime, things: Path) -> Run:
    """A run whose ledger has two resources that exist, in a store that is no folder."""
    pipeline = Pipeline.builder("things").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("thing", folder=str(things), fine_tune=False, deployer={"folder": str(things)})
    run = Run.create(MemoryStore(), pipeline.build(runtime.registry))
    for kind in ("config", "thing"):
        run.add_resource(Resource(kind, "name"), STEP)
        (things / f"{kind}.name").touch()
    return run


@pytest.fixture(name="cloud")
def _cloud(run: Run, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud with one resource for each case; the last one is in the ledger of the run too."""
    now = time.time()

    def tagged(name: str, run_id: str = "lost", **tags: Any) -> TaggedResource:
        defaults = {"step": STEP, "created": now - 2 * DAY, "expires": now + 1.5 * DAY}
        return TaggedResource(resource=Resource("thing", name), run_id=run_id, **{**defaults, **tags})

    cloud = Cloud(
        tagged("expired", expires=now - DAY, billed="1 x large"),
        tagged("young", created=now - 60),
        tagged("old", billed="1 x rare"),
        tagged("eternal", expires=None),
        tagged("used", expires=now - DAY, in_use="execution 'lost' is running"),
        tagged("name", run_id=run.id, state="InService", created=now - 60),
    )
    plugin = cloud.plugin()
    monkeypatch.setitem(sys.modules, "cloud_plugin", plugin)
    runtime.registry.add("cloud", plugin)
    return cloud
