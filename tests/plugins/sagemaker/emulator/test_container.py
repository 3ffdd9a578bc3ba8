"""Parts of the rehearsal by themselves: expressions of a definition, the environment of a container, its end."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest

pytest.importorskip("boto3")

from llmops_plugins.sagemaker.aws.settings import SageMakerSettings
from llmops_plugins.sagemaker.emulator import executor as rehearsal
from llmops_plugins.sagemaker.emulator import sitecustomize, supervisor
from llmops_plugins.sagemaker.emulator.account import ROLE, Choices, World
from llmops_plugins.sagemaker.emulator.container import Container, Machine
from llmops_plugins.sagemaker.emulator.metadata import metadata
from llmops_plugins.sagemaker.emulator.pipeline import PlayedExecution, RefusedError

ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl"
MACHINE = Machine(python=sys.executable, url="http://127.0.0.1:1", region="eu-west-1", install=False, config=Path("c"))


class Results:
    """An S3 client with one object, what a step has returned."""

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert ("b", "p/results/results.json") == (Bucket, Key)
        return {"Body": io.BytesIO(json.dumps({"Result": {"acc": [0.5, 0.75]}}).encode())}


def execution(folder: Path, parameters: dict[str, str] | None = None, **definition: Any) -> PlayedExecution:
    declared = [
        {"Name": "Instance", "Type": "String", "DefaultValue": "ml.m5.large"},
        {"Name": "Must", "Type": "String"},
    ]
    return PlayedExecution(
        arn=ARN,
        definition={"Parameters": declared, "Steps": [], **definition},
        parameters=parameters or {},
        folder=folder,
        machine=MACHINE,
        s3=Results(),
        at_a_time=1,
    )


def test_expressions_are_resolved(tmp_path: Path) -> None:
    """Parameters with defaults, the execution's variables, joins, an earlier step's request, and a step's result."""
    played = execution(tmp_path, {"Must": "x"})
    played._requests["train"] = {"OutputDataConfig": {"S3OutputPath": "s3://b/p/results"}}
    output = {"Get": "Steps.train.OutputDataConfig.S3OutputPath"}
    given = {
        "instance": {"Get": "Parameters.Instance"},
        "must": {"Get": "Parameters.Must"},
        "joined": {"Std:Join": {"On": "/", "Values": ["a", {"Get": "Execution.PipelineExecutionId"}, 3]}},
        "list": [output, {"plain": 1}],
        "name": {"Get": "Execution.PipelineName"},
        "result": {
            "Std:JsonGet": {
                "S3Uri": {"Std:Join": {"On": "/", "Values": [output, "results.json"]}},
                "Path": "Result['acc'][1]",
            }
        },
    }

    assert {
        "instance": "ml.m5.large",
        "must": "x",
        "joined": "a/abcdefghijkl/3",
        "list": ["s3://b/p/results", {"plain": 1}],
        "name": "p",
        "result": 0.75,
    } == played.resolve(given)


@pytest.mark.parametrize(
    ("parameters", "told"), [({}, "Must"), ({"Must": "1", "Mist": "2"}, "not defined in the pipeline")]
)
def test_parameters_are_refused_as_by_the_service(tmp_path: Path, parameters: dict[str, str], told: str) -> None:
    """One without a value, and one that is not declared; moto takes both."""
    with pytest.raises(RefusedError, match=told):
        execution(tmp_path, parameters).check()


def test_what_has_ended_cannot_be_stopped(tmp_path: Path) -> None:
    """As the service says."""
    played = execution(tmp_path, {"Must": "x"})
    played._run()

    assert "Succeeded" == played.status
    with pytest.raises(RefusedError, match="cannot be stopped in the status Succeeded"):
        played.stop()


def test_a_step_of_another_type_is_told(tmp_path: Path) -> None:
    """The rehearsal plays what this project sends; what needs it is not started."""
    steps = [
        {"Name": "a", "Type": "Processing", "Arguments": {}},
        {"Name": "b", "Type": "Training", "Arguments": {}, "DependsOn": ["a"]},
    ]
    played = execution(tmp_path, {"Must": "x"}, Steps=steps)
    played._run()

    assert ("Failed", ["a"]) == (played.status, list(played.steps))
    assert "not those of type 'Processing'" in played.steps["a"].reason


def test_a_container_gets_nothing_of_the_users_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But the cache's variables; credentials lead to the played account only."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "OPENAI_API_KEY", "HTTPS_PROXY", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("LLMOPS_HOME", "/cache")
    found = Container(tmp_path, {"Environment": {"OF_THE_STEP": "1"}}, "job", MACHINE)._environment()

    assert "mine" not in found.values()
    assert ("/cache", "1", "eu-west-1") == (found["LLMOPS_HOME"], found["OF_THE_STEP"], found["AWS_DEFAULT_REGION"])
    assert MACHINE.url == found["AWS_ENDPOINT_URL"]


def test_the_path_of_a_failures_reason_is_changed_in_the_sdk(tmp_path: Path) -> None:
    """It is fixed in the SDK's code; in a rehearsed container it is below the container's own folder."""
    (tmp_path / "sitecustomize.py").write_text(
        Path(str(sitecustomize.__file__)).read_text(encoding="utf-8"), encoding="utf-8"
    )
    package = tmp_path / "sagemaker" / "remote_function"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "errors.py").write_text('FAILURE_REASON_PATH = "/opt/ml/output/failure"\n', encoding="utf-8")
    code = "from sagemaker.remote_function import errors; print(errors.FAILURE_REASON_PATH)"
    variables = {"PYTHONPATH": str(tmp_path), "LLMOPS_REHEARSAL_ROOT": "/private/ml"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)

    assert "/private/ml/output/failure" == done.stdout.strip()


def test_a_guarded_process_ends_with_its_parent(tmp_path: Path) -> None:
    """It and what it has started, when the pipe to the guard is closed."""
    mark = tmp_path / "pid"
    command = [sys.executable, str(supervisor.__file__), "/bin/sh", "-c", f"sleep 300 & echo $! > {mark}; wait"]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE)
    until = time.monotonic() + 30
    while not (mark.exists() and mark.read_text().strip()) and time.monotonic() < until:
        time.sleep(0.05)
    sleeping = int(mark.read_text())
    assert psutil.pid_exists(sleeping)
    assert guard.stdin is not None
    guard.stdin.close()

    assert 128 < guard.wait(30)
    assert not psutil.pid_exists(sleeping) or psutil.Process(sleeping).status() == psutil.STATUS_ZOMBIE


def test_a_guarded_process_is_given_time_to_end(tmp_path: Path) -> None:
    """The shell ends at once when it is asked to; what it has started cleans up all the same."""
    ready, cleaned = tmp_path / "ready", tmp_path / "cleaned"
    code = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n"
        "try:\n"
        f"    pathlib.Path({str(ready)!r}).touch()\n"
        "    time.sleep(300)\n"
        "finally:\n"
        "    time.sleep(0.5)\n"
        f"    pathlib.Path({str(cleaned)!r}).touch()\n"
    )
    script = tmp_path / "step.py"
    script.write_text(code, encoding="utf-8")
    shell = ["/bin/bash", "-c", f"{sys.executable} {script}; true"]
    guard = subprocess.Popen([sys.executable, str(supervisor.__file__), *shell], stdin=subprocess.PIPE)
    until = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert guard.stdin is not None
    guard.stdin.close()

    assert 128 < guard.wait(supervisor.GRACE_SECONDS), "it does not wait for what has ended"
    assert cleaned.exists()


def test_what_a_guarded_process_leaves_behind_is_killed(tmp_path: Path) -> None:
    """At once, when it has ended by itself."""
    mark = tmp_path / "pid"
    command = [sys.executable, str(supervisor.__file__), "/bin/sh", "-c", f"sleep 300 & echo $! > {mark}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as guard:
        assert 0 == guard.wait(5)
    sleeping = int(mark.read_text())

    assert not psutil.pid_exists(sleeping) or psutil.Process(sleeping).status() == psutil.STATUS_ZOMBIE


def test_a_guarded_process_gives_its_exit_code() -> None:
    """As the container does; the pipe to the guard stays open meanwhile."""
    command = [sys.executable, str(supervisor.__file__), "/bin/sh", "-c", "exit 3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as guard:
        code = guard.wait(30)

    assert 3 == code


@pytest.mark.parametrize(
    ("given", "role"),
    [("", ROLE), (f"{ROLE}-2", f"{ROLE}-2"), ("by-name", "arn:aws:iam::123456789012:role/by-name")],
)
def test_the_role_of_the_settings_is_there(given: str, role: str) -> None:
    """One that is given by its name too, which a step looks up in the account."""
    assert role == rehearsal._NoAws(SageMakerSettings(role=given), "http://127.0.0.1:9").role


def choices(folder: Path, **changes: Any) -> Choices:
    """What a rehearsal without stand-ins is told."""
    return Choices(
        **{
            "folder": str(folder),
            "python": "",
            "region": "us-east-1",
            "bucket": "",
            "role": "",
            "steps_at_a_time": 1,
            "install": False,
            "stand_in": "",
            "stand_in_options": {},
            "stand_in_steps": 1,
            "jumpstart": {},
            **changes,
        }
    )


@pytest.mark.parametrize(("here", "bound", "most"), [(3, 2, 2), (2, 3, 2), (2, None, 2)])
def test_steps_side_by_side_are_bounded(
    here: int, bound: int | None, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the request says, and by what this machine is told."""
    running: set[str] = set()
    seen: list[int] = []
    together = threading.Barrier(most)

    def step(_self: PlayedExecution, asked: Mapping[str, Any]) -> None:
        running.add(asked["Name"])
        together.wait(20)  # as many as may run do
        seen.append(len(running))
        together.wait(20)
        running.discard(asked["Name"])

    monkeypatch.setattr(PlayedExecution, "_step", step)
    monkeypatch.setattr(PlayedExecution, "start", PlayedExecution._run)
    world = World(choices(tmp_path, steps_at_a_time=here))
    world.url = "http://127.0.0.1:9"
    steps = [{"Name": f"step-{number}", "Type": "Training", "Arguments": {}} for number in range(2 * most)]
    configuration = {"MaxParallelExecutionSteps": bound} if bound else None

    world.start_pipeline_execution(ARN, {"Steps": steps}, None, configuration)

    assert (2 * most, most) == (len(seen), max(seen))


def test_an_execution_that_ends_by_itself_disturbs_no_end(tmp_path: Path) -> None:
    """It may end between a look at it and the stop; the others are stopped all the same."""
    stopped: list[str] = []

    class Ended:
        status = "Executing"

        def stop(self) -> None:
            message = "Pipeline execution cannot be stopped in the status Succeeded"
            raise RefusedError(message)

    world = World(choices(tmp_path))
    running = SimpleNamespace(status="Executing", stop=lambda: stopped.append("running"))
    played: Any = {"ended": Ended(), "running": running}
    world._executions = played
    world.jumpstart = cast("Any", SimpleNamespace(close=lambda: None))
    world.close()

    assert ["running"] == stopped


@pytest.mark.parametrize(
    ("wanted", "version"), [("2.*", "2.0.0"), ("*", "1.0.0"), ("4.1.*", "4.1.0"), ("2.0.4", "2.0.4")]
)
def test_metadata_has_a_version_that_fits(wanted: str, version: str) -> None:
    """Whatever a plan asks for."""
    (entry,) = json.loads(metadata({"meta-x": wanted}, "eu-west-1")["models_manifest.json"])

    assert version == entry["version"]
