"""`llmops gc`: what runs leave is found in ledgers and by tags, what is needed is spared, and the rest is removed."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
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

from llmops_sdk import Pipeline, Run, RunNotFoundError, SpecError
from llmops_sdk.gc import delete as removing
from llmops_sdk.gc.delete import remove
from llmops_sdk.gc.find import find_leftovers
from llmops_sdk.gc.leftover import Choice, Leftovers, parse_age
from llmops_sdk.plugin import Resource, Runtime, TaggedResource
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.stores import Store
from llmops_sdk.testing import InstantEndpoint, MemoryStore
from llmops_sdk.values.serial import canonical
from llmops_sdk.values.step_records import Failed

PLUGIN = '''
import time
from pathlib import Path

import attrs

from llmops_sdk.plugin import (
    BaseModel, DeployerCard, EndpointError, ModelCard, ModelOptions, Resource, ResourceBusyError, OrphanFinderCard, OrphanFinder, Trainer,
    TrainerCard, hookimpl, option,
)
from llmops_sdk.testing import EchoEndpoint, EchoEndpointOptions


@attrs.frozen(kw_only=True)
class ThingOptions(ModelOptions):
    folder: str = option(help="where the things are that outlive the process")

    def base_model(self):
        return BaseModel(format="echo", source="loud")


@attrs.frozen(kw_only=True)
class ThingEndpointOptions(EchoEndpointOptions):
    folder: str = option(help="as above")


def path(options, resource):
    return Path(options.folder, f"{resource.kind}.{resource.name}")


def delete(options, resource):
    """Delete as a service does that may refuse: a file beside says how often, and in which words."""
    says = Path(options.folder, f"refuse.{resource.kind}")
    if says.exists():
        kind, times = says.read_text().split()
        says.write_text(f"{kind} {int(times) - 1}") if int(times) > 1 else says.unlink()
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
            name="thing-job", summary="", load="thing_plugin:Job", options=ThingOptions, accepts=("echo",), produces="echo"
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

STEP = "generate.thing"


@pytest.fixture(name="things")
def _things(tmp_path: Path) -> Path:
    """Where the plugin's things are."""
    folder = tmp_path / "things"
    folder.mkdir()
    return folder


@pytest.fixture(name="runtime")
def _runtime(tmp_path: Path, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A runtime without AWS, with the plugin that makes things."""
    (tmp_path / "thing_plugin.py").write_text(PLUGIN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import thing_plugin  # type: ignore[import-not-found]

    registry.add("thing", thing_plugin)
    registry._offers.pop(("orphan-finder", "sagemaker"), None)
    monkeypatch.setattr(removing, "LONGEST_PAUSE", 0.01)
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


class Waiting:
    """Answers nobody until it is told to; says when it is asked first."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.go = threading.Event()

    def __call__(self, prompt: str) -> str:
        self.asked.set()
        self.go.wait(60)
        return prompt.upper()


def collect(store: Store, runtime: Runtime, **choice: Any) -> Leftovers:
    """Find and remove, without patience for long waits."""
    found = find_leftovers(store, runtime, Choice(**choice))
    return remove(found, runtime, patience=1)


def told(leftovers: Leftovers) -> list[tuple[str, str]]:
    """Kind and status of each."""
    return [(item.resource.kind, item.status) for item in leftovers.found]


# -- real runs ----------------------------------------------------------------------------------


def test_what_a_killed_run_left_is_removed_once(
    start: Callable[..., subprocess.Popen[bytes]], things: Path, runtime: Runtime, tmp_path: Path
) -> None:
    """After kill -9 a dry run shows what is left, `gc` removes it in the plugin's own way, and finds no more then."""
    answer = Waiting()
    endpoint, store = InstantEndpoint(answer), LocalStore(tmp_path / "runs")
    try:
        client = start(endpoint.url)
        assert answer.asked.wait(60)
        assert ["config", "thing"] == sorted(path.name.split(".")[0] for path in things.iterdir())
        client.send_signal(signal.SIGKILL)
        client.wait()

        found = find_leftovers(store, runtime, Choice())
        assert [("thing", "remove"), ("config", "remove")] == told(found)
        assert {"nobody is at work on its step"} == {item.reason for item in found.found}
        assert not found.clean
        assert 2 == len(list(things.iterdir()))

        removed = collect(store, runtime)
    finally:
        answer.go.set()
        endpoint.close()

    assert [("thing", "removed"), ("config", "removed")] == told(removed)
    assert removed.clean
    assert [] == list(things.iterdir())
    assert all(entry.deleted for entry in Run.open(store, "latest").ledger())
    assert () == collect(store, runtime).found


def test_a_running_run_is_spared(
    start: Callable[..., subprocess.Popen[bytes]], things: Path, runtime: Runtime, tmp_path: Path
) -> None:
    """Of two runs at once, the killed one's things are removed and the running one's are not, but by force."""
    first, second = Waiting(), Waiting()
    endpoints, store = [InstantEndpoint(first), InstantEndpoint(second)], LocalStore(tmp_path / "runs")
    try:
        killed = start(endpoints[0].url)
        assert first.asked.wait(60)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        running = start(endpoints[1].url)
        assert second.asked.wait(60)

        done = collect(store, runtime)
        assert ["removed", "removed", "spare", "spare"] == [item.status for item in done.found]
        assert f"step {STEP!r} is running on {platform.node()!r}, process {running.pid}" == done.found[-1].reason
        assert done.clean
        assert 2 == len(list(things.iterdir()))

        assert [("thing", "removed"), ("config", "removed")] == told(collect(store, runtime, force=True))
        assert [] == list(things.iterdir())
        second.go.set()
        assert 0 == running.wait(60)
    finally:
        for answer, endpoint in zip((first, second), endpoints, strict=True):
            answer.go.set()
            endpoint.close()


def test_a_training_that_can_go_on_is_spared(
    start: Callable[..., subprocess.Popen[bytes]], things: Path, runtime: Runtime, tmp_path: Path
) -> None:
    """A job of a killed run is what a resumed one attaches to: it is told so, and removed by its age or by force."""
    store = LocalStore(tmp_path / "runs")
    client = start(fine_tune=True)
    until = time.monotonic() + 60
    while not list(things.iterdir()):
        assert time.monotonic() < until
        assert client.poll() is None
        time.sleep(0.05)
    client.send_signal(signal.SIGKILL)
    client.wait()

    (spared,) = collect(store, runtime).found
    assert ("job", "spare") == (spared.resource.kind, spared.status)
    assert f"llmops run --resume {spared.run_id}" in spared.reason
    assert [("job", "spare")] == told(collect(store, runtime, older_than=3600))
    assert [("job", "remove")] == told(find_leftovers(store, runtime, Choice(force=True)))
    assert [("job", "removed")] == told(collect(store, runtime, older_than=0))
    assert [] == list(things.iterdir())


# -- records made by hand -----------------------------------------------------------------------


@pytest.fixture(name="run")
def _run(runtime: Runtime, things: Path) -> Run:
    """A run whose ledger has two things that exist, in a store that is no folder."""
    pipeline = Pipeline.builder("things").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("thing", folder=str(things), fine_tune=False, deployer={"folder": str(things)})
    run = Run.create(MemoryStore(), pipeline.build(runtime.registry))
    for kind in ("config", "thing"):
        run.add_resource(Resource(kind, "name"), STEP)
        (things / f"{kind}.name").touch()
    return run


HERE, GONE = platform.node(), 2**22 + 1  # no process has so large a number


@pytest.mark.parametrize(
    ("started", "spared"),
    [
        (None, False),
        ({"host": HERE, "pid": os.getpid(), "ago": 5}, True),
        ({"host": HERE, "pid": os.getpid(), "ago": 600}, False),
        ({"host": HERE, "pid": GONE, "ago": 5}, False),
        ({"host": "elsewhere", "pid": GONE, "ago": 5}, True),
        ({"host": "elsewhere", "pid": GONE, "ago": 600}, False),
        ({"host": "clock-ahead", "pid": GONE, "ago": -60}, True),
    ],
)
def test_a_heartbeat_decides_what_is_running(
    started: Mapping[str, Any] | None, *, spared: bool, run: Run, runtime: Runtime
) -> None:
    """Who beat lately is at work, unless it was a process of this machine that is gone."""
    if started:
        now = time.time()
        mark = {
            "at": now - 900,
            "beat": now - started["ago"],
            "step": STEP,
            "host": started["host"],
            "pid": started["pid"],
        }
        run.store.put(f"runs/{run.id}/steps/{STEP}.started.json", canonical(mark))

    found = find_leftovers(run.store, runtime, Choice())

    assert ["spare" if spared else "remove"] * 2 == [item.status for item in found.found]


def test_a_step_with_a_record_is_not_running(run: Run, runtime: Runtime) -> None:
    """What a failed step could not delete goes, though the process that ran it still beats for others."""
    run.write_started(STEP, time.time())
    run.write_record(Failed(STEP, "could not be deleted", "", STEP, time.time(), 1.0))

    assert {"its step failed"} == {item.reason for item in collect(run.store, runtime).found}


def test_a_step_that_begins_meanwhile_is_not_robbed(run: Run, runtime: Runtime, things: Path) -> None:
    """A run that is resumed between looking and deleting keeps its things."""
    found = find_leftovers(run.store, runtime, Choice())
    run.write_started(STEP, time.time())

    done = remove(found, runtime, patience=0.1)

    assert ["left", "left"] == [item.status for item in done.found]
    assert "is running on" in done.found[0].error
    assert 2 == len(list(things.iterdir()))


@pytest.mark.parametrize("refusal", ["busy", "refused", "broken"])
def test_a_deletion_that_is_refused_once_is_tried_again(refusal: str, run: Run, runtime: Runtime, things: Path) -> None:
    """Whatever a deletion raises, the others are done, and it is done a little later."""
    (things / "refuse.thing").write_text(f"{refusal} 2", encoding="utf-8")

    done = collect(run.store, runtime)

    assert ["removed", "removed"] == [item.status for item in done.found]
    assert ["", ""] == [item.error for item in done.found]
    assert [] == list(things.iterdir())


def test_what_stays_busy_is_left_with_what_it_may_use(run: Run, runtime: Runtime, things: Path) -> None:
    """When the patience is over: the thing is left and says why, what its step made before waits, the ledger keeps both."""
    (things / "refuse.thing").write_text("busy 1000000", encoding="utf-8")

    done = collect(run.store, runtime)

    assert [("thing", "left"), ("config", "left")] == told(done)
    assert ["busy now", "waits for thing 'name'"] == [item.error for item in done.found]
    assert not done.clean
    (things / "refuse.thing").unlink()
    assert collect(run.store, runtime).clean


def test_what_is_refused_for_good_is_tried_thrice(run: Run, runtime: Runtime, things: Path) -> None:
    """A permission that lacks is not waited for; the rest is removed."""
    (things / "refuse.thing").write_text("broken 1000", encoding="utf-8")

    done = remove(find_leftovers(run.store, runtime, Choice()), runtime, patience=60)

    assert [("thing", "left"), ("config", "removed")] == told(done)
    assert "ValueError: broken now" == done.found[0].error
    assert "broken 997" == (things / "refuse.thing").read_text(encoding="utf-8")


def test_age_spares_the_young(run: Run, runtime: Runtime) -> None:
    """With an age, only what is older goes."""
    assert {"spare"} == {item.status for item in collect(run.store, runtime, older_than=3600).found}
    assert {"removed"} == {item.status for item in collect(run.store, runtime, older_than=0).found}


def test_what_was_kept_goes_by_force_of_its_run_alone(run: Run, runtime: Runtime, things: Path) -> None:
    """What a step has kept as the user wished is shown and spared, old or not, until its run is named with force."""
    for kind in ("config", "thing"):
        run.mark_kept(Resource(kind, "name"), STEP)

    for choice in ({}, {"older_than": 0}, {"force": True}, {"run_id": run.id}):
        spared = collect(run.store, runtime, **choice)
        assert [("thing", "spare"), ("config", "spare")] == told(spared)
        assert spared.clean
    assert f"kept, and goes on costing; llmops gc --run {run.id} --force removes it" == spared.found[0].reason
    assert {"spare"} == {
        item.status for item in collect(run.store, runtime, run_id=run.id, force=True, skip_kept=True).found
    }
    assert 2 == len(list(things.iterdir()))

    assert [("thing", "removed"), ("config", "removed")] == told(collect(run.store, runtime, run_id=run.id, force=True))
    assert [] == list(things.iterdir())
    assert () == collect(run.store, runtime).found


def test_what_a_failed_step_has_kept_goes(run: Run, runtime: Runtime) -> None:
    """Only a step that succeeded may leave something."""
    run.mark_kept(Resource("thing", "name"), STEP)
    run.write_record(Failed(STEP, "the store is full", "", STEP, time.time(), 1.0))

    assert {"its step failed"} == {item.reason for item in collect(run.store, runtime).found}


def test_a_run_is_chosen_by_its_beginning(run: Run, runtime: Runtime) -> None:
    """`--run` takes what other commands take, and an unknown run is a mistake that says what there is."""
    other = Run.create(run.store, run.plan)
    other.add_resource(Resource("thing", "other"), STEP)

    assert {run.id} == {item.run_id for item in collect(run.store, runtime, run_id=run.id).found}
    assert {"other"} == {item.resource.name for item in collect(run.store, runtime, run_id="latest").found}
    with pytest.raises(RunNotFoundError, match="there is no run 'none'"):
        find_leftovers(run.store, runtime, Choice(run_id="none"))


def test_an_absent_plugin_is_told_and_hides_nothing(run: Run, home: Path) -> None:
    """What cannot be deleted for want of its plugin is left, with the reason."""
    done = collect(run.store, Runtime(Registry(), home))

    assert {"no deployer is called 'thing-endpoint'"} == {item.error.split(";")[0] for item in done.found}
    assert not done.clean


def test_a_damaged_ledger_hides_no_other_run(run: Run, runtime: Runtime) -> None:
    """A ledger that cannot be read is told as a place not looked at; the others are cleared."""
    other = Run.create(run.store, run.plan)
    run.store.put(f"runs/{other.id}/ledger/thing.x.json", b'{"torn')

    done = collect(run.store, runtime)

    assert {"removed"} == {item.status for item in done.found}
    assert [f"the ledger of run {other.id}"] == [unreachable.place for unreachable in done.unreachable]
    assert not done.clean


# -- tags ---------------------------------------------------------------------------------------

DAY = 86400.0


class Cloud:
    """What a sweeper finds and deletes."""

    def __init__(self, *known: TaggedResource) -> None:
        self.known = {item.resource: item for item in known}
        self.looked: list[Mapping[str, Any]] = []
        self.error = ""

    def plugin(self) -> ModuleType:
        """A plugin with the sweeper of this cloud."""
        cloud = self
        from llmops_sdk.plugin import OrphanFinder, OrphanFinderCard, hookimpl

        class CloudSweeper(OrphanFinder):
            @property
            def place(self) -> str:
                return f"cloud {self.settings.get('region', 'default')}"

            def list(self, run_id: str = "") -> Iterator[TaggedResource]:
                cloud.looked.append(self.settings)
                if cloud.error:
                    message = f"{self.place}: {cloud.error}"
                    raise SpecError(message)
                yield from [item for item in cloud.known.values() if run_id in ("", item.run_id)]

            def delete(self, resource: Resource) -> None:
                cloud.known.pop(resource, None)

        module = ModuleType("cloud_plugin")
        module.Swept = CloudSweeper  # type: ignore[attr-defined]
        card = OrphanFinderCard(name="cloud", summary="", load="cloud_plugin:Swept")
        module.llmops_cards = hookimpl(lambda: (card,))  # type: ignore[attr-defined]
        module.llmops_cards.__name__ = "llmops_cards"
        return module


@pytest.fixture(name="cloud")
def _cloud(run: Run, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud with one tagged thing for each thing that may be said of one."""
    now = time.time()

    def tagged(name: str, run_id: str = "lost", **metadata: Any) -> TaggedResource:
        given = {"step": STEP, "created": now - 2 * DAY, "expires": now + 1.5 * DAY, **metadata}
        return TaggedResource(resource=Resource("thing", name), run_id=run_id, **given)

    cloud = Cloud(
        tagged("expired", expires=now - DAY, billed="1 x large"),
        tagged("young", created=now - 60),
        tagged("old"),
        tagged("eternal", expires=None),
        tagged("used", expires=now - DAY, in_use="execution 'lost' is running"),
        tagged("name", run_id=run.id, state="InService", created=now - 60),
    )
    plugin = cloud.plugin()
    monkeypatch.setitem(sys.modules, "cloud_plugin", plugin)
    runtime.registry.add("cloud", plugin)
    return cloud


def test_tags_tell_of_what_no_ledger_has(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """What has expired goes; what has not, and what is used, is spared; what is in a ledger too is told once."""
    done = {
        item.resource.name: item
        for item in collect(run.store, runtime, run_id="").found
        if item.resource.kind == "thing"
    }

    assert {
        "expired": "removed",
        "young": "spare",
        "old": "spare",
        "eternal": "spare",
        "used": "spare",
        "name": "removed",
    } == {name: item.status for name, item in done.items()}
    assert "1 x large" == done["expired"].billed
    assert "expired 1 d ago" == done["expired"].reason
    assert "expires in 1.5 d; --older-than removes it before" == done["old"].reason
    assert "execution 'lost' is running" == done["used"].reason
    assert "InService" == done["name"].state
    assert Resource("thing", "expired") not in cloud.known


def test_an_age_decides_instead_of_the_expiry(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """With an age, what is older goes whether it has expired or not; what is in use is spared all the same."""
    done = collect(run.store, runtime, older_than=DAY)

    assert {"expired", "old", "eternal"} == {item.resource.name for item in done.found if item.status == "removed"}
    assert {Resource("thing", name) for name in ("young", "used", "name")} == set(cloud.known)


def test_a_lost_run_is_removed_by_its_tags(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """A run that no store has can be named; by force all that it left goes."""
    assert {"lost"} == {item.run_id for item in find_leftovers(run.store, runtime, Choice(run_id="lost")).found}

    collect(run.store, runtime, run_id="lost", force=True)

    assert {Resource("thing", "name")} == set(cloud.known)


def test_a_running_step_of_the_store_keeps_what_has_its_tags(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """A resource with the tags of a running step is spared, though the ledger of its run does not have it."""
    cloud.known = {
        Resource("thing", "unknown"): TaggedResource(Resource("thing", "unknown"), run.id, STEP, time.time() - DAY, 0.0)
    }
    run.write_started(STEP, time.time())

    done = collect(run.store, runtime)

    assert {"spare"} == {item.status for item in done.found}


def test_every_place_is_looked_at_once(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """Sweepers look where the runs of the store worked and where the environment points, and nowhere if offline."""
    pipeline = Pipeline.builder("there").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    plan = pipeline.with_evaluator("echo-score").build(runtime.registry)
    plan = _with_cloud(plan, {"region": "north"})
    for _ in range(2):
        Run.create(run.store, plan)

    find_leftovers(run.store, runtime, Choice())
    assert [{"region": "north"}, {}] == cloud.looked

    cloud.error = "no permission"
    found = find_leftovers(run.store, runtime, Choice())
    assert [("cloud north", True)] == [(unreachable.place, unreachable.needed) for unreachable in found.unreachable]
    assert "no permission" == found.unreachable[0].error
    cloud.looked.clear()
    find_leftovers(run.store, Runtime(runtime.registry, runtime.home, offline=True), Choice())
    assert [] == cloud.looked


def _with_cloud(plan: Any, settings: Mapping[str, Any]) -> Any:
    import attrs

    from llmops_sdk.values.plan import PluginPin

    return attrs.evolve(plan, settings={"cloud": settings}, plugins=(*plan.plugins, PluginPin("cloud", "", "")))


# -- the command --------------------------------------------------------------------------------


def llmops(*arguments: str, code: int) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, which reaches no network."""
    environment = {**os.environ, "LLMOPS_DISABLE_PLUGINS": "sagemaker"}
    command = [sys.executable, "-m", "llmops_sdk.cli.main", "gc", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert code == done.returncode, done.stdout + done.stderr
    return done


def test_the_command_tells_what_it_did(run: Run, home: Path, tmp_path: Path) -> None:  # noqa: ARG001 - a cache of its own
    """Exit code 0 for nothing left, 3 for something left, 2 for a mistake; JSON has each resource with its reason."""
    store = LocalStore(tmp_path / "runs")
    assert "runs have left nothing behind\n" == llmops("--store", store.uri, code=0).stdout
    assert not (tmp_path / "runs").exists()
    assert "not 'soon'" in llmops("--older-than", "soon", code=2).stderr

    left = Run.create(store, run.plan)
    left.add_resource(Resource("thing", "name"), STEP)
    shown = llmops("--dry-run", "--store", store.uri, code=3).stdout
    assert re.search(r"^to remove  thing name  [\d.]+ s old$", shown, re.MULTILINE)
    assert f"run {left.id}, step {STEP}; nobody is at work on its step" in shown
    found = json.loads(llmops("--json", "--wait", "0s", "--store", store.uri, code=3).stdout)["found"]
    assert [("left", "thing")] == [(item["status"], item["resource"]["kind"]) for item in found]
    assert "no deployer is called 'thing-endpoint'" in found[0]["error"]


@pytest.mark.parametrize("text", ["2", "h", "-1h", "2 weeks", "1e3s", ""])
def test_an_age_needs_a_number_and_a_unit(text: str) -> None:
    """What says no time is refused with examples."""
    with pytest.raises(SpecError, match="such as '90s', '30m', '2h'"):
        parse_age(text)
