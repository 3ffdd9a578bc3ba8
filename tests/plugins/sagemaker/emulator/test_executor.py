"""The rehearsal: the very pipeline, run on this machine, against AWS as it is played here.

Every container starts the SageMaker SDK twice, so the rehearsals here are few and small; the tests look at one that is
made once.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import psutil
import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

import llmops_sdk.testing
from llmops_plugins.sagemaker.emulator import executor as rehearsal
from llmops_plugins.sagemaker.pipeline import submit
from llmops_plugins.sagemaker.pipeline.compile import graph_of
from llmops_plugins.sagemaker.sdk import loading as sdk
from llmops_sdk import LocalStore, Pipeline, Progress, Result, Run, SpecError
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.plugin import Failed, Succeeded
from llmops_sdk.plugin.registry import Registry

CANARY, DRIVER = "canary-7f3a", "driver-of-the-channel"
ON = "sagemaker-rehearsal"

MODULE = '''
"""A plugin of one file, which is installed nowhere."""
import os
import threading
import time
import attrs
from llmops_sdk.plugin import EvaluatorCard, Evaluator, Metric, Options, Scored, hookimpl, option

@attrs.frozen(kw_only=True)
class LengthOptions(Options):
    sleep: float = option(0.0, help="seconds before the first score")
    dies: str = option("", help="an output at which its process is killed, as for want of memory")

class Length(Evaluator):
    lock = threading.Lock()  # cannot be pickled, and need not be
    @property
    def metrics(self):
        return (Metric("length"),)
    def evaluate(self, context, generations):
        time.sleep(self.options.sleep)
        for generation in generations:
            if self.options.dies and self.options.dies in generation.output:
                os.kill(os.getpid(), 9)
            yield Scored(generation.index, {"length": float(len(generation.output))})

@hookimpl
def llmops_cards():
    return (EvaluatorCard(name="length", summary="characters", load="rehearsed_length:Length", options=LengthOptions),)
'''


def interrupt() -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


class Told(Progress):
    """Keeps what is said, and does something at a word."""

    def __init__(self, word: str = "", act: Callable[[], None] = interrupt) -> None:
        self.lines: list[str] = []
        self._word = word
        self._act = act

    def log(self, text: str) -> None:
        self.lines.append(text)
        if self._word and self._word in text:
            self._act()


@attrs.frozen
class Rehearsed:
    """What a rehearsal left, and what was in AWS as it was played."""

    result: Result | None
    run: Run
    bucket: Mapping[str, bytes]
    status: str
    steps: Mapping[str, Any]
    pipeline: Mapping[str, Any]
    told: Told


@pytest.fixture(name="plugins", scope="module")
def _plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The installed plugins, the test kit, and a plugin of one file."""
    import importlib

    folder = tmp_path_factory.mktemp("plugin")
    (folder / "rehearsed_length.py").write_text(MODULE, encoding="utf-8")
    sys.path.insert(0, str(folder))
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    registry.add("length", importlib.import_module("rehearsed_length"))
    yield registry
    sys.path.remove(str(folder))


def pipeline(*voices: str, **length: Any) -> Pipeline:
    base = Pipeline.builder("rehearsed").with_dataset("lines").with_prompt("bare")
    base = base.with_evaluator("echo-score").with_evaluator("length", **length)
    for voice in voices:
        base = base.with_model("echo", name=voice, voice=voice, fine_tune=False)
    return base


def _after_the_first_line(data: bytes, more: bytes, key: str) -> bytes:
    first, _, rest = data.partition(b"\n")
    return first + more + rest if key.endswith("/job_driver.sh") else data


def rehearse(
    made: Pipeline,
    folder: Path,
    plugins: Registry,
    *,
    interrupt_at: str = "",
    stop_at: str = "",
    on: str = ON,
) -> Rehearsed:
    """Run a rehearsal from a folder with secrets in it, and look at the AWS that is played just before it ends."""
    found: dict[str, Any] = {}

    worlds: list[rehearsal._World] = []

    def stop_in_the_console() -> None:
        client = worlds[0].aws.client("sagemaker")
        found = client.list_pipeline_executions(PipelineName="llmops-rehearsed")["PipelineExecutionSummaries"]
        client.stop_pipeline_execution(PipelineExecutionArn=found[0]["PipelineExecutionArn"])

    class Looked(rehearsal._World):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            worlds.append(self)

        def copy_back(self, run: Run, home: Path) -> None:
            s3, client = self.aws.client("s3"), self.aws.client("sagemaker")
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.aws.bucket)
            keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
            found["bucket"] = {key: s3.get_object(Bucket=self.aws.bucket, Key=key)["Body"].read() for key in keys}
            found["pipeline"] = client.describe_pipeline(PipelineName="llmops-rehearsed")
            arn = client.list_pipeline_executions(PipelineName="llmops-rehearsed")["PipelineExecutionSummaries"][0]
            arn = arn["PipelineExecutionArn"]
            found["status"] = client.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
            steps = client.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
            found["steps"] = {step["StepName"]: step for step in steps}
            super().copy_back(run, home)

    upload = submit._upload

    def marking(aws: Any, uploads: Mapping[tuple[str, str], bytes]) -> None:
        """Let the uploaded `job_driver.sh`, and no other one, say so."""
        said = f"\necho {DRIVER}\n".encode()
        upload(aws, {at: _after_the_first_line(data, said, at[1]) for at, data in uploads.items()})

    (folder / ".env").write_text(CANARY, encoding="utf-8")
    told = Told(stop_at, stop_in_the_console) if stop_at else Told(interrupt_at)
    before, result = Path.cwd(), None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal, "_World", Looked)
        patch.setattr(submit, "_upload", marking)
        patch.setenv("MY_SECRET", CANARY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
        patch.setenv("AWS_PROFILE", "of-the-user")
        patch.setenv("LLMOPS_HOME", str(folder / "home"))
        patch.chdir(folder)
        try:
            result = made.run(on=on, store=folder / "runs", registry=plugins, progress=told)
        except KeyboardInterrupt:
            assert interrupt_at
    assert before == Path.cwd()
    run = Run.open(result.run.store if result else llmops_sdk.LocalStore(folder / "runs"), "latest")
    return Rehearsed(result, run, told=told, **found)


@pytest.fixture(name="rehearsed", scope="module")
def _rehearsed(tmp_path_factory: pytest.TempPathFactory, plugins: Registry) -> Rehearsed:
    """One model that answers and one that does not."""
    return rehearse(pipeline("loud", "mute"), tmp_path_factory.mktemp("rehearsed"), plugins)


def test_a_pipeline_runs_to_its_decision(rehearsed: Rehearsed) -> None:
    """The result is that of the same pipeline on this machine: every loud answer is the reference."""
    assert rehearsed.result is not None
    (board,) = rehearsed.result.leaderboards

    assert ["loud"] == [cell.candidate for cell in board.cells]
    assert 1.0 == board.cells[0].estimates["exact"].mean


def test_a_failed_cell_fails_the_execution_and_nothing_else(rehearsed: Rehearsed) -> None:
    """Its node succeeds, so that others go on; `compare` raises, so that SageMaker says Failed."""
    assert rehearsed.result is not None
    assert ["mute.bare.lines"] == [cell.cell for cell in rehearsed.result.failures]
    assert "mute" in rehearsed.result.failures[0].error
    assert "Failed" == rehearsed.status
    statuses = {name: step["StepStatus"] for name, step in rehearsed.steps.items()}
    succeeded = {f"{kind}-{model}": "Succeeded" for kind in ("generate", "score") for model in ("loud", "mute")}
    assert {**succeeded, "compare": "Failed"} == statuses
    assert (
        "StepFailedError('1 of 2 cells have no result: mute.bare.lines" in rehearsed.steps["compare"]["FailureReason"]
    )


def test_the_run_has_the_id_of_the_execution(rehearsed: Rehearsed) -> None:
    """So that a second start in Studio is a run of its own."""
    arn = next(line for line in rehearsed.told.lines if ":pipeline/" in line)

    assert rehearsed.run.id == arn.rpartition("/")[2]


def test_each_step_ran_the_sdks_own_entry_point(rehearsed: Rehearsed) -> None:
    """`job_driver.sh` of the uploaded channel, then the bootstrap and the pickled function."""
    for name in rehearsed.steps:
        log = rehearsed.run.store.get(f"runs/{rehearsed.run.id}/logs/container.{name}.log") or b""
        assert DRIVER.encode() in log
        assert b"Bootstraping runtime environment." in log
        assert b"Deserializing function code from s3://" in log
        assert f"run {rehearsed.run.id}, node {name}:".encode() in log


def test_a_container_prints_every_metric(rehearsed: Rehearsed) -> None:
    """With its name and its mean, as the article does."""
    log = (rehearsed.run.store.get(f"runs/{rehearsed.run.id}/logs/container.score-loud.log") or b"").decode()

    assert "loud.bare.lines  exact  1.0000  (mean of 10)" in log
    assert "loud.bare.lines  length  " in log


def test_a_plugin_that_is_installed_nowhere_works_in_a_container(rehearsed: Rehearsed) -> None:
    """It came with the workspace, as one wheel beside that of the project."""
    assert rehearsed.result is not None
    (key,) = [key for key in rehearsed.bucket if key.endswith("workspace.zip")]
    names = zipfile.ZipFile(io.BytesIO(rehearsed.bucket[key])).namelist()

    assert "length" in rehearsed.result.leaderboards[0].cells[0].estimates
    assert all(name.endswith((".whl", "/")) for name in names), names
    assert any("llmops_plugin_length" in name for name in names)


def test_no_secret_of_the_user_leaves_his_folder(rehearsed: Rehearsed) -> None:
    """Neither files of the working directory nor variables are in the definition, the bucket, the record or a container's log."""
    assert "Steps" in json.loads(rehearsed.pipeline["PipelineDefinition"])
    assert CANARY not in rehearsed.pipeline["PipelineDefinition"]
    for key, data in rehearsed.bucket.items():
        texts = [data]
        if key.endswith(".zip"):
            archive = zipfile.ZipFile(io.BytesIO(data))
            texts += [archive.read(name) for name in archive.namelist()]
        assert not any(CANARY.encode() in text for text in texts), key
    for key in rehearsed.run.store.list(""):
        assert CANARY.encode() not in (rehearsed.run.store.get(key) or b""), key


def test_the_pipeline_bounds_its_steps_side_by_side(rehearsed: Rehearsed) -> None:
    """So that a start by somebody else is bounded too."""
    bound = graph_of(rehearsed.run.plan).max_parallel

    assert {"MaxParallelExecutionSteps": bound} == rehearsed.pipeline["ParallelismConfiguration"]


def test_the_report_says_that_it_is_a_rehearsal(rehearsed: Rehearsed) -> None:
    """And what was substituted."""
    page = (rehearsed.run.store.get(f"runs/{rehearsed.run.id}/report.html") or b"").decode()

    assert "sagemaker-rehearsal" in page
    assert "AWS is played on this machine" in page
    assert "the requirements are not installed with pip" in page


def test_the_record_is_whole_in_the_users_store(rehearsed: Rehearsed) -> None:
    """Every step has its record, and what it names is there."""
    for step in rehearsed.run.plan.steps:
        record = rehearsed.run.record(step.name)
        assert isinstance(record, (Succeeded, Failed)), step.name
        for address in record.artifacts.values() if isinstance(record, Succeeded) else ():
            assert rehearsed.run.artifact(address) is not None
            assert address.partition("/")[2].startswith("rehearsal-"), "another run could take it for its own"
    assert all(entry.deleted for entry in rehearsed.run.ledger())
    assert 10 == sum(1 for _ in rehearsed.run.samples("loud.bare.lines"))


@pytest.mark.slow
def test_a_lost_payload_fails_the_step_and_the_client_compares(
    tmp_path: Path, plugins: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The container ends with the SDK's own error; `compare` is never started, and its work is done here."""
    upload = submit._upload

    def without_payloads(aws: Any, uploads: Mapping[tuple[str, str], bytes]) -> None:
        upload(aws, {place: data for place, data in uploads.items() if not place[1].endswith("function/payload.pkl")})

    monkeypatch.setattr(submit, "_upload", without_payloads)
    found = rehearse(pipeline("loud"), tmp_path, plugins)

    assert found.result is not None
    assert {"generate-loud"} == set(found.steps)
    assert "Failed" == found.steps["generate-loud"]["StepStatus"]
    assert "its container was lost: AlgorithmError: " in found.result.failures[0].error


def test_an_interrupt_stops_the_execution(tmp_path: Path, plugins: Registry) -> None:
    """The container is ended; the run has no result and can be gone on with."""
    found = rehearse(pipeline("loud", sleep=900), tmp_path, plugins, interrupt_at="executing generate-loud")

    assert "Stopped" == found.status
    assert "Stopped" == found.steps["generate-loud"]["StepStatus"]
    assert any(f"stopping the execution {found.run.id}" in line for line in found.told.lines)
    assert found.run.record("score.loud.bare.lines") is None
    assert not found.run.has_results


@pytest.mark.slow
def test_a_step_that_runs_out_of_memory_fails_alone(tmp_path: Path, plugins: Registry) -> None:
    """Its container is lost without a word; the record says so, the others are compared, and nothing is left."""
    found = rehearse(pipeline("loud", "quiet", dies="LINE"), tmp_path, plugins)

    assert found.result is not None
    (failure,) = found.result.failures
    assert ("loud.bare.lines", True) == (failure.cell, "its container was lost: AlgorithmError: " in failure.error)
    assert ["quiet"] == [cell.candidate for cell in found.result.leaderboards[0].cells]
    assert "Failed" == found.steps["score-loud"]["StepStatus"]
    assert all(entry.deleted for entry in found.run.ledger())


@pytest.mark.slow
def test_a_stop_in_the_console_ends_the_run(tmp_path: Path, plugins: Registry) -> None:
    """Nothing was interrupted here: the run has its end, and says that it was stopped."""
    found = rehearse(pipeline("loud", sleep=900), tmp_path, plugins, stop_at="executing generate-loud")

    assert "Stopped" == found.status
    assert found.result is not None
    assert ["the execution was stopped"] == [failure.error for failure in found.result.failures]
    assert all(entry.deleted for entry in found.run.ledger())


KILLED = """
import sys
import llmops_sdk.testing
from llmops_sdk import Pipeline
from llmops_sdk.plugin.registry import Registry

registry = Registry.load()
registry.add("testing", llmops_sdk.testing)
base = Pipeline.builder("rehearsed").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
for name in ("first", "second"):
    base = base.with_model("echo", name=name, voice=name, fine_tune=False)
base.run(on="sagemaker-rehearsal", store=sys.argv[1], registry=registry)
"""


@pytest.mark.slow
def test_kill_9_loses_no_finished_step(tmp_path: Path, plugins: Registry, home: Path) -> None:
    """What was finished is in the user's folder, and a further rehearsal takes it over; nothing goes on meanwhile."""
    del home
    script, store = tmp_path / "killed.py", LocalStore(tmp_path / "runs")
    script.write_text(KILLED, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path / "runs")])
    until = time.monotonic() + 200
    while not (keys := [key for key in store.list("runs/") if key.endswith("steps/generate.first.json")]):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.1)
    played = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    killed = Run.open(store, keys[0].split("/")[1])
    assert isinstance(killed.record("generate.first"), Succeeded)
    assert not killed.has_results
    assert [] == psutil.wait_procs(played, timeout=60)[1]

    result = resume(killed.id, store=store, registry=plugins, progress=Told())

    assert () == result.failures
    assert result.run.id != killed.id
    records = [result.run.record(step.name) for step in result.run.plan.steps]
    cached = {record.step: record.cached for record in records if isinstance(record, Succeeded)}
    assert cached["generate.first"]
    assert not cached["generate.second"]


@pytest.mark.slow
def test_the_requirements_can_be_installed(tmp_path: Path, plugins: Registry) -> None:
    """Slow: pip installs the SageMaker SDK and the shipped wheels into an environment of the rehearsal's own."""
    made = pipeline("loud").with_executor("sagemaker-rehearsal", install=True)
    found = rehearse(made, tmp_path, plugins, on="")
    log = (found.run.store.get(f"runs/{found.run.id}/logs/container.generate-loud.log") or b"").decode()

    assert found.result is not None
    assert () == found.result.failures
    assert "Successfully installed" in log
    assert f"Requirement already satisfied: sagemaker=={sdk.version()}" in log, "the image has it, as on AWS"
    assert "/image/bin/python" in log


def test_a_rehearsal_is_kept_on_this_machine(plugins: Registry) -> None:
    """A store in the real S3 is refused before anything is started."""
    with pytest.raises(SpecError, match="kept in a folder of this machine"):
        pipeline("loud").run(on="sagemaker-rehearsal", store="s3://bucket/x", registry=plugins, progress=Progress())


def test_data_that_cannot_be_prepared_starts_no_pipeline(tmp_path: Path, plugins: Registry) -> None:
    """What is wrong with it is in the result."""
    base = Pipeline.builder("rehearsed").with_dataset("lines", records=0).with_prompt("bare").with_evaluator("length")
    made = base.with_model("echo", fine_tune=False)
    result = made.run(on="sagemaker-rehearsal", store=tmp_path / "runs", registry=plugins, progress=Progress())

    assert "prepare.lines" == result.failures[0].step
    assert "has no rows" in result.failures[0].error
