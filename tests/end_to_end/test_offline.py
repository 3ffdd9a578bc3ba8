"""Machines without a network: a run, the doctor and the fetching of assets, in processes that reach loopback only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from llmops_sdk.plugin.registry import GROUP
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run

# Python imports this at the start of every process that gets PYTHONPATH: the command's own and its children.
# An audit hook sees what any library asks of the socket module, and cannot be taken out again.
CUT = """
import errno, os, socket, sys

journal = "proofs"

def cut(event, arguments):
    named = event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
    if named:
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if not host or host in ("localhost", "::1", "0.0.0.0") or host.startswith("127."):
        return
    with open(os.path.join(os.path.dirname(__file__), journal), "a") as file:
        print(event, host, "process", os.getpid(), *sys.orig_argv[1:3], file=file)
    if named:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    raise OSError(errno.ENETUNREACH, "Network is unreachable")

sys.addaudithook(cut)
for reach in (
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=1),
    lambda: socket.create_connection(("host.example", 80), timeout=1),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 53)),
):
    try:
        reach()
    except OSError as refused:
        if refused.errno in (errno.ENETUNREACH, socket.EAI_AGAIN):
            continue
    sys.exit("the network is not cut")
journal = "attempts"
"""

SHELF = """
from pathlib import Path
from llmops_sdk.plugin import Asset, FolderSource, hookimpl

def stored(name, folder):
    source = FolderSource(f"the shelf {folder}", (Path(__file__).parent / folder,), {"words.txt": "words.txt"})
    return Asset(name, "a list of words", 6, {"words.txt": ""}, (source,))

@hookimpl
def llmops_assets():
    return stored("a-lost", "nowhere"), stored("b-kept", "shelf")
"""

SAMPLE = {"use": "sample", "test_fraction": 0.1, "seed": 1, "max_test_records": 4}
ECHOES: dict[str, Any] = {
    "name": "echoes",
    "datasets": [SAMPLE],
    "prompts": ["plain"],
    "models": [{"use": "echo", "name": voice, "voice": voice, "fine_tune": False} for voice in ("loud", "quiet")],
}
DEFAULT_METRICS = {"rougeL", "meteor", "rouge1", "rouge2", "bertscore"}


@attrs.frozen
class Machine:
    """A machine that reaches loopback only.

    Attributes:
        folder: Where commands are run, with their store and `home`, an empty cache.
        cut: Where Python finds what cuts it off; also what the plugins of these tests are installed in.
    """

    folder: Path
    cut: Path

    def llmops(self, *arguments: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `llmops`; the exit code must be the one expected."""
        done = self.python("-m", "llmops_sdk.cli.main", *arguments, **variables)
        assert code == done.returncode, done.stdout + done.stderr
        return done

    def python(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python; the network must have been cut in it."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().endswith("_proxy") and name not in ("LLMOPS_OFFLINE", "HF_HUB_OFFLINE")
        }
        own = {
            "LLMOPS_HOME": str(self.folder / "home"),
            "HF_HOME": str(self.folder / "hub"),
            "PYTHONPATH": str(self.cut),
        }
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**kept, **own, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert self.processes
        return done

    @property
    def processes(self) -> dict[str, str]:
        """The processes in which the network was found to be cut, and how each was started."""
        lines = (self.cut / "proofs").read_text(encoding="utf-8").splitlines()
        return dict(line.partition(" process ")[2].split(" ", 1) for line in lines)

    @property
    def attempts(self) -> list[str]:
        """What was tried to be reached since."""
        journal = self.cut / "attempts"
        return journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []

    def write(self, spec: dict[str, Any], **changes: Any) -> str:
        """Write a specification file and return its name."""
        (self.folder / "spec.yaml").write_text(yaml.safe_dump({**spec, **changes}), encoding="utf-8")
        return "spec.yaml"


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Machine:
    """A machine with the plugins that are installed, the echo plugin, and one with a shelf of assets."""
    cut = tmp_path / "cut"
    (cut / "shelf").mkdir(parents=True)
    (cut / "shelf" / "words.txt").write_text("words\n", encoding="utf-8")
    (cut / "sitecustomize.py").write_text(CUT, encoding="utf-8")
    (cut / "shelf_plugin.py").write_text(SHELF, encoding="utf-8")
    installed = cut / "shelf_plugin-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf-plugin\nVersion: 1.0\n", encoding="utf-8")
    points = "[llmops_sdk]\necho = llmops_sdk.testing\nshelf = shelf_plugin\n"
    (installed / "entry_points.txt").write_text(points, encoding="utf-8")
    return Machine(tmp_path, cut)


@pytest.fixture(name="stocked", params=[["--offline"], []], ids=["offline", "unreachable"])
def _stocked(
    request: pytest.FixtureRequest, machine: Machine, asset: Callable[[str], Path], assets_home: Path
) -> Callable[..., Any]:
    """Run a pipeline on a machine with its assets, with --offline or without, and return its results."""

    def run(*arguments: str, assets: tuple[str, ...]) -> Any:
        for name in assets:
            asset(name)
        done = machine.llmops("run", *arguments, "--json", *request.param, LLMOPS_HOME=str(assets_home))
        return json.loads(done.stdout)

    return run


def test_the_network_is_cut(machine: Machine) -> None:
    """What is tried to be reached is refused and noted, in a child too; loopback can be reached."""
    far = "import socket; socket.create_connection(('host.example', 80))"
    near = "s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(('localhost', s.getsockname()[1]))"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {far!r}])"

    assert 0 == machine.python("-c", f"import socket; {near}").returncode
    assert [] == machine.attempts
    assert "Temporary failure in name resolution" in machine.python("-c", far).stderr
    machine.python("-c", child)
    assert 2 == len(machine.attempts)


# -- runs ---------------------------------------------------------------------------------------


def test_a_run_with_its_assets_needs_no_network(machine: Machine, stocked: Callable[..., Any]) -> None:
    """With or without --offline, every metric of the default evaluator is there, and nobody was asked for anything."""
    results = stocked(machine.write(ECHOES), assets=("wordnet", "punkt-tab", "minilm"))

    (board,) = results["leaderboards"]
    for cell in board["cells"]:
        assert 4 == cell["answered"]
        assert dict.fromkeys(DEFAULT_METRICS, 4) == {
            name: estimate["records"] for name, estimate in cell["estimates"].items()
        }
        assert all(0 < estimate["mean"] < 1 for estimate in cell["estimates"].values())
    assert [] == machine.attempts


@pytest.mark.parametrize(  # trains, serves and asks the default model: a minute on two cores
    "stocked",
    [
        pytest.param(
            ["--offline"], id="offline", marks=pytest.mark.rare(reason="a minute more; a quicker run does it above")
        ),
        pytest.param([], id="unreachable", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_the_quickstart_needs_no_network(machine: Machine, stocked: Callable[..., Any]) -> None:
    """The training's process and the servers' are cut off too, and try to reach nobody."""
    fewer = (
        "datasets.0.max_test_records=4",
        "datasets.0.max_train_records=8",
        "models.1.trainer.max_steps=1",
        "generation.max_new_tokens=8",
    )
    results = stocked(
        "quickstart",
        *(part for override in fewer for part in ("--set", override)),
        assets=("wordnet", "punkt-tab", "minilm", "smollm2-135m-instruct"),
    )

    (board,) = results["leaderboards"]
    assert [4, 4, 4] == [cell["answered"] for cell in board["cells"]]
    modules = [
        "llmops_plugins.local.server.main",
        "llmops_plugins.local.server.main",
        "llmops_sdk.cli.main",
        "llmops_sdk.steps.worker",
    ]
    assert [f"-m {module}" for module in modules] == sorted(machine.processes.values())
    assert [] == machine.attempts


def test_a_missing_asset_ends_the_run_before_its_first_step(machine: Machine) -> None:
    """One line names the asset and how to get it on a machine with a network; no step was started, nothing was asked."""
    encoder = {"use": "summarization-accuracy", "metrics": ["rougeL", "bertscore"]}
    done = machine.llmops("run", machine.write(ECHOES, evaluators=[encoder]), "--offline", code=2)

    _, line = done.stderr.splitlines()
    assert line.startswith("error: the asset 'minilm' is not available (")
    assert "on a machine with a network run 'llmops assets get minilm', and copy '" in line
    run = Run.open(LocalStore(machine.folder / "llmops-runs"), "latest")
    assert not any(run.started(step.name) or run.record(step.name) for step in run.plan.steps)
    assert [] == machine.attempts


# -- doctor -------------------------------------------------------------------------------------


def failed_checks(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return what `doctor` found that is not ok: the check's name to its status, its text and how to fix it."""
    text = done.stdout.replace("\n         fix: ", "; ")
    lines = [line.partition(": ") for line in text.splitlines() if not line.startswith("ok ")]
    return {head.partition(" ")[2].strip(): f"{head.partition(' ')[0]} {text}" for head, _, text in lines}


def test_doctor_accepts_a_prepared_machine(machine: Machine, asset: Callable[[str], Path], assets_home: Path) -> None:
    """With --for, the assets that this pipeline needs are enough; others may be missing."""
    for name in ("wordnet", "punkt-tab", "minilm"):
        asset(name)
    done = machine.llmops("doctor", "--offline", "--for", machine.write(ECHOES), code=0, LLMOPS_HOME=str(assets_home))

    assert not any("asset" in name for name in failed_checks(done))
    assert f"ok       asset minilm: '{assets_home / 'assets' / 'minilm'}'" in done.stdout
    assert "b-kept" not in done.stdout
    assert [] == machine.attempts


def test_doctor_names_what_is_missing_and_how_to_get_it(machine: Machine) -> None:
    """For an offline run a missing asset is an error; otherwise a warning, since a run downloads it."""
    offline = failed_checks(machine.llmops("doctor", "--offline", code=2))
    otherwise = failed_checks(machine.llmops("doctor", code=0))

    for name in ("wordnet", "punkt-tab", "minilm", "smollm2-135m-instruct", "b-kept"):
        folder = machine.folder / "home" / "assets" / name
        copy = f"run 'llmops assets get {name}' on a machine with a network, and copy its folder to '{folder}'"
        assert offline[f"asset {name}"].startswith("error ")
        assert offline[f"asset {name}"].endswith(copy)
        assert otherwise[f"asset {name}"].startswith("warning ")
        assert otherwise[f"asset {name}"].endswith(f"; a run that needs it downloads it; llmops assets get {name}")
    source = "run 'llmops assets get b-kept --offline' to take it from "
    assert source in offline["asset b-kept"]
    assert not (machine.folder / "home").exists()
    assert [] == machine.attempts


def test_doctor_checks_what_a_pipeline_reads_from_the_hub(machine: Machine) -> None:
    """A dataset, a model and an encoder that no cache has are reported together, one line each, without asking the hub."""
    encoder = {"use": "summarization-accuracy", "metrics": ["bertscore"], "bertscore_model": "roberta-large-mnli"}
    model = {"use": "huggingface", "weights": "us/tiny", "fine_tune": False}
    spec = machine.write({"datasets": ["dolly", SAMPLE], "models": [model], "evaluators": [encoder]})

    problems = failed_checks(machine.llmops("doctor", "--offline", "--for", spec, code=2))

    assert "cache does not have 'databricks/databricks-dolly-15k'" in problems["dataset 'dolly'"]
    assert "hf download us/tiny" in problems["model 'tiny'"]
    assert "the model 'roberta-large-mnli' is not in the Hugging" in problems["evaluator 'summarization-accuracy'"]
    assert "hf download roberta-large-mnli" in problems["evaluator 'summarization-accuracy'"]
    assert "dataset 'sample'" not in problems
    assert [] == machine.attempts


# -- assets -------------------------------------------------------------------------------------


def test_an_asset_that_is_not_available_does_not_stop_the_others(machine: Machine) -> None:
    """The last line has the reason, and the exit code is 2."""
    others = ",".join(("echo", *(point.name for point in entry_points(group=GROUP))))
    done = machine.llmops("assets", "get", "--all", code=2, LLMOPS_DISABLE_PLUGINS=others)

    kept = machine.folder / "home" / "assets" / "b-kept"
    assert "words\n" == (kept / "words.txt").read_text(encoding="utf-8")
    lost, had, error = done.stderr.splitlines()
    assert ["a-lost: failed", f"b-kept: {kept}"] == [lost, had]
    assert error.startswith("error: the asset 'a-lost' is not available (the shelf nowhere: not found; searched ")


def test_nothing_is_fetched_that_was_not_asked_for(machine: Machine) -> None:
    """Without a name the command says how much all would be; a name that is none stops it before it fetches."""
    bare = machine.llmops("assets", "get", code=2)
    slip = machine.llmops("assets", "get", "b-kept", "a-last", code=2)

    assert "name assets, or --for FILE|EXAMPLE, or --all (" in bare.stderr
    assert " MB)" in bare.stderr
    assert "no asset is called 'a-last'; did you mean 'a-lost'?" in slip.stderr
    assert not (machine.folder / "home").exists()
