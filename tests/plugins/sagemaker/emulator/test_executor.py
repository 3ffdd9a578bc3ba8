"""Rehearsals: the pipeline definition runs on this machine, against emulated AWS.

Every container starts the SageMaker SDK twice, so there are few and small rehearsals; most tests look at the same one.
"""

from __future__ import annotations

import io
import json
import os
import re
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
from llmops_plugins.sagemaker.emulator.executor import Emulator, emulated_settings
from llmops_plugins.sagemaker.pipeline import submit
from llmops_plugins.sagemaker.pipeline.graph import graph_of
from llmops_plugins.sagemaker.sdk import installed as sdk
from llmops_sdk import LocalStore, Pipeline, Progress, Result, Run, SpecError, StepFailedError
from llmops_sdk.explain.explanation import explain_run, explain_step
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
    return (EvaluatorCard(name="characters", summary="their number", load="rehearsed_length:Length", options=LengthOptions),)
'''


def interrupt() -> None:
    """Act as Ctrl-C."""
    raise KeyboardInterrupt


class KeptProgress(Progress):
    """Keeps what is logged, and acts when a line contains a word."""

    def __init__(self, word: str = "", act: Callable[[], None] = interrupt) -> None:
        self.lines: list[str] = []
        self._word = word
        self._act = act

    def log(self, text: str) -> None:
        self.lines.append(text)
        if self._word and self._word in text:
            self._act()


@attrs.frozen
class Rehearsal:
    """The result of a rehearsal, and the contents of the emulated AWS."""

    result: Result | None
    run: Run
    bucket: Mapping[str, bytes]
    status: str
    steps: Mapping[str, Any]
    pipeline: Mapping[str, Any]
    progress: KeptProgress


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


def pipeline(*voices: str, **characters: Any) -> Pipeline:
    base = Pipeline.builder("rehearsed").with_dataset("lines").with_prompt("bare")
    base = base.with_evaluator("echo-score").with_evaluator("characters", **characters)
    for voice in voices:
        base = base.with_model("echo", name=voice, voice=voice, fine_tune=False)
    return base


def _marked(data: bytes, line: bytes, key: str) -> bytes:
    first, _, rest = data.partition(b"\n")
    return first + line + rest if key.endswith("/job_driver.sh") else data


def rehearse(
    pipeline: Pipeline,
    folder: Path,
    plugins: Registry,
    *,
    interrupt_at: str = "",
    stop_at: str = "",
    on: str = ON,
) -> Rehearsal:
    """Run a rehearsal in a folder that contains secrets, and read the contents of the emulated AWS just before its end."""
    contents: dict[str, Any] = {}
    emulators: list[Emulator] = []

    def stop_in_the_console() -> None:
        client = emulators[0].aws.client("sagemaker")
        executions = client.list_pipeline_executions(PipelineName="llmops-rehearsed")["PipelineExecutionSummaries"]
        client.stop_pipeline_execution(PipelineExecutionArn=executions[0]["PipelineExecutionArn"])

    class ObservedEmulator(Emulator):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            emulators.append(self)

        def copy_out(self, run: Run, home: Path) -> None:
            s3, client = self.aws.client("s3"), self.aws.client("sagemaker")
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.aws.bucket)
            keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
            contents["bucket"] = {key: s3.get_object(Bucket=self.aws.bucket, Key=key)["Body"].read() for key in keys}
            contents["pipeline"] = client.describe_pipeline(PipelineName="llmops-rehearsed")
            arn = client.list_pipeline_executions(PipelineName="llmops-rehearsed")["PipelineExecutionSummaries"][0]
            arn = arn["PipelineExecutionArn"]
            contents["status"] = client.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
            steps = client.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
            contents["steps"] = {step["StepName"]: step for step in steps}
            super().copy_out(run, home)

    upload = submit._upload

    def marking(aws: Any, uploads: Mapping[tuple[str, str], bytes]) -> None:
        """Let the uploaded `job_driver.sh` print a word, so that no other one was used."""
        line = f"\necho {DRIVER}\n".encode()
        upload(aws, {address: _marked(data, line, address[1]) for address, data in uploads.items()})

    (folder / ".env").write_text(CANARY, encoding="utf-8")
    progress = KeptProgress(stop_at, stop_in_the_console) if stop_at else KeptProgress(interrupt_at)
    before, result = Path.cwd(), None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal, "Emulator", ObservedEmulator)
        patch.setattr(submit, "_upload", marking)
        patch.setenv("MY_SECRET", CANARY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
        patch.setenv("AWS_PROFILE", "of-the-user")
        patch.setenv("LLMOPS_HOME", str(folder / "home"))
        patch.chdir(folder)
        try:
            result = pipeline.run(on=on, store=folder / "runs", registry=plugins, progress=progress)
        except KeyboardInterrupt:
            assert interrupt_at
        except StepFailedError as error:
            result = Result(error.run)
    assert before == Path.cwd()
    run = Run.open(result.run.store if result else llmops_sdk.LocalStore(folder / "runs"), "latest")
    return Rehearsal(result, run, progress=progress, **contents)


@pytest.fixture(name="rehearsed", scope="module")
def _rehearsed(tmp_path_factory: pytest.TempPathFactory, plugins: Registry) -> Rehearsal:
    """The rehearsal of one model that answers and one that fails."""
    return rehearse(pipeline("loud", "mute"), tmp_path_factory.mktemp("rehearsed"), plugins)


@pytest.mark.sdk
@pytest.mark.slow
def test_the_result_is_that_of_a_local_run(rehearsed: Rehearsal) -> None:
    """Every answer of the loud model is the reference."""
    assert rehearsed.result is not None
    (board,) = rehearsed.result.leaderboards

    assert ["loud"] == [cell.candidate for cell in board.cells]
    assert 1.0 == board.cells[0].estimates["exact"].mean


@pytest.mark.slow
def test_a_failed_candidate_fails_only_the_execution(rehearsed: Rehearsal) -> None:
    """Its node succeeds, so that others continue; `compare` raises, so that the execution is Failed. The client reports the failure."""
    assert rehearsed.result is not None
    lines = [line.split() for line in rehearsed.progress.lines]
    assert {"generate-loud", "score-loud"} == {line[1] for line in lines if line[0] == "succeeded"}
    assert {"generate-mute:", "score-mute:", "compare:"} == {line[1] for line in lines if line[0] == "failed"}
    assert ["mute.bare.lines"] == [cell.cell for cell in rehearsed.result.failures]
    assert "mute" in rehearsed.result.failures[0].error
    assert "Failed" == rehearsed.status
    statuses = {name: step["StepStatus"] for name, step in rehearsed.steps.items()}
    succeeded = {f"{kind}-{model}": "Succeeded" for kind in ("generate", "score") for model in ("loud", "mute")}
    assert {**succeeded, "compare": "Failed"} == statuses
    assert (
        "StepFailedError('1 of 2 candidates have no result: mute.bare.lines"
        in rehearsed.steps["compare"]["FailureReason"]
    )


@pytest.mark.slow
def test_the_run_has_the_id_of_the_execution(rehearsed: Rehearsal) -> None:
    """A second start in Studio is therefore a separate run."""
    arn = next(line for line in rehearsed.progress.lines if ":pipeline/" in line)

    assert rehearsed.run.id == arn.rpartition("/")[2]


@pytest.mark.sdk
@pytest.mark.slow
def test_each_step_runs_the_entry_point_of_the_sdk(rehearsed: Rehearsal) -> None:
    """`job_driver.sh` of the uploaded channel, then the bootstrap, then the pickled function."""
    for name in rehearsed.steps:
        log = rehearsed.run.read_log(f"container.{name}") or b""
        assert DRIVER.encode() in log
        assert b"Bootstraping runtime environment." in log
        assert b"Deserializing function code from s3://" in log
        assert f"run {rehearsed.run.id}, node {name}:".encode() in log


@pytest.mark.slow
def test_a_container_prints_the_mean_of_every_metric(rehearsed: Rehearsal) -> None:
    """CloudWatch would keep it."""
    log = (rehearsed.run.read_log("container.score-loud") or b"").decode()

    assert "loud.bare.lines  exact  1.0000  (mean of 10)" in log
    assert "loud.bare.lines  length  " in log


@pytest.mark.slow
def test_a_plugin_of_one_file_works_in_a_container(rehearsed: Rehearsal) -> None:
    """The workspace contains it as a wheel, and contains nothing else than wheels."""
    assert rehearsed.result is not None
    (key,) = [key for key in rehearsed.bucket if key.endswith("workspace.zip")]
    names = zipfile.ZipFile(io.BytesIO(rehearsed.bucket[key])).namelist()

    assert "length" in rehearsed.result.leaderboards[0].cells[0].estimates
    assert all(name.endswith((".whl", "/")) for name in names), names
    assert any("llmops_plugin_length" in name for name in names)


@pytest.mark.slow
def test_no_secret_leaves_the_users_folder(rehearsed: Rehearsal) -> None:
    """Definition, bucket, record and logs contain neither files of the working directory nor environment variables."""
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


@pytest.mark.slow
def test_the_pipeline_limits_parallel_steps(rehearsed: Rehearsal) -> None:
    """The limit applies to starts in Studio too."""
    limit = graph_of(rehearsed.run.plan).max_parallel

    assert {"MaxParallelExecutionSteps": limit} == rehearsed.pipeline["ParallelismConfiguration"]


@pytest.mark.slow
def test_the_report_lists_the_differences_from_sagemaker(rehearsed: Rehearsal) -> None:
    """Nobody can mistake it for the report of a run on SageMaker."""
    page = (rehearsed.run.read("report.html") or b"").decode()

    assert "sagemaker-rehearsal" in page
    assert "AWS is emulated on this machine" in page
    assert "the requirements are not installed with pip" in page


@pytest.mark.slow
def test_the_users_store_has_the_complete_record(rehearsed: Rehearsal) -> None:
    """Every step has a record, and its artifacts exist under addresses that only rehearsals use."""
    for step in rehearsed.run.plan.steps:
        record = rehearsed.run.record(step.name)
        assert isinstance(record, (Succeeded, Failed)), step.name
        for address in record.artifacts.values() if isinstance(record, Succeeded) else ():
            assert rehearsed.run.artifact(address) is not None
            assert address.partition("/")[2].startswith("rehearsal-")
    assert all(entry.deleted for entry in rehearsed.run.ledger())
    assert 10 == sum(1 for _ in rehearsed.run.samples("loud.bare.lines"))


@pytest.mark.slow
def test_a_rehearsal_is_explained_by_the_one_before(rehearsed: Rehearsal, plugins: Registry) -> None:
    """Although each has an AWS account of its own: which steps it reused, and what changed for the others."""
    assert isinstance(rehearsed.run.store, LocalStore)
    assert {"prepare.lines": "taken", "generate.loud": "ran", "generate.mute": "failed"}.items() <= {
        each.step: each.state for each in explain_run(rehearsed.run)
    }.items()

    later = rehearse(pipeline("loud", sleep=0.01), rehearsed.run.store.root.parent, plugins).run

    reused, scored = explain_step(later, "generate.loud"), explain_step(later, "score.loud.bare.lines")
    assert ("reused", rehearsed.run.id) == (reused.state, reused.compared_with)
    assert f"all of its inputs are as they were in run {rehearsed.run.id} of 20" in reused.reason
    assert ("ran", {"the options of evaluator 'characters'": "sleep 0.0 → 0.01"}) == (scored.state, scored.changes)
    assert rehearsed.run.id == scored.compared_with


@pytest.mark.slow
def test_a_lost_payload_fails_the_step_and_the_client_compares(
    tmp_path: Path, plugins: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The container ends with an error of the SDK; `compare` is not started, and runs on the client."""
    upload = submit._upload

    def without_payloads(aws: Any, uploads: Mapping[tuple[str, str], bytes]) -> None:
        upload(aws, {place: data for place, data in uploads.items() if not place[1].endswith("function/payload.pkl")})

    monkeypatch.setattr(submit, "_upload", without_payloads)
    rehearsed = rehearse(pipeline("loud"), tmp_path, plugins)

    assert rehearsed.result is not None
    assert {"generate-loud"} == set(rehearsed.steps)
    assert "Failed" == rehearsed.steps["generate-loud"]["StepStatus"]
    assert "its container was lost: AlgorithmError: " in rehearsed.result.failures[0].error


def test_ctrl_c_stops_the_execution(tmp_path: Path, plugins: Registry) -> None:
    """The container is ended; the run has no result and can be resumed."""
    rehearsed = rehearse(pipeline("loud", sleep=900), tmp_path, plugins, interrupt_at="executing generate-loud")

    assert "Stopped" == rehearsed.status
    assert "Stopped" == rehearsed.steps["generate-loud"]["StepStatus"]
    assert any(f"stopping execution {rehearsed.run.id}" in line for line in rehearsed.progress.lines)
    assert rehearsed.run.record("score.loud.bare.lines") is None
    assert not rehearsed.run.has_results


@pytest.mark.slow
def test_a_step_that_runs_out_of_memory_fails_alone(tmp_path: Path, plugins: Registry) -> None:
    """Its container is killed; the record reports it, the others are compared, and no resource is left."""
    rehearsed = rehearse(pipeline("loud", "quiet", dies="LINE"), tmp_path, plugins)

    assert rehearsed.result is not None
    (failure,) = rehearsed.result.failures
    assert ("loud.bare.lines", True) == (failure.cell, "its container was lost: AlgorithmError: " in failure.error)
    assert ["quiet"] == [cell.candidate for cell in rehearsed.result.leaderboards[0].cells]
    assert "Failed" == rehearsed.steps["score-loud"]["StepStatus"]
    assert all(entry.deleted for entry in rehearsed.run.ledger())


@pytest.mark.slow
def test_a_stop_in_the_console_ends_the_run(tmp_path: Path, plugins: Registry) -> None:
    """The run has results, in which the candidate failed because the execution was stopped."""
    rehearsed = rehearse(pipeline("loud", sleep=900), tmp_path, plugins, stop_at="executing generate-loud")

    assert "Stopped" == rehearsed.status
    assert rehearsed.result is not None
    assert ["the execution was stopped"] == [failure.error for failure in rehearsed.result.failures]
    assert all(entry.deleted for entry in rehearsed.run.ledger())


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


FINISHED = re.compile(r"runs/[^/]+/steps/generate\.first\.json")


@pytest.mark.slow
def test_kill_9_loses_no_finished_step(tmp_path: Path, plugins: Registry, home: Path) -> None:
    """Finished steps are in the user's folder, and the next rehearsal reuses them; no process is left running."""
    del home
    script, store = tmp_path / "killed.py", LocalStore(tmp_path / "runs")
    script.write_text(KILLED, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path / "runs")])
    until = time.monotonic() + 200
    while not (keys := [key for key in store.list("runs/") if FINISHED.fullmatch(key)]):
        assert process.poll() is None, "it ended before the kill"
        assert time.monotonic() < until
        time.sleep(0.1)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    killed = Run.open(store, keys[0].split("/")[1])
    assert isinstance(killed.record("generate.first"), Succeeded)
    assert not killed.has_results
    assert [] == psutil.wait_procs(children, timeout=60)[1]

    result = resume(killed.id, store=store, registry=plugins, progress=KeptProgress())

    assert () == result.failures
    assert result.run.id != killed.id
    records = [result.run.record(step.name) for step in result.run.plan.steps]
    cached = {record.step: record.cached for record in records if isinstance(record, Succeeded)}
    assert cached["generate.first"]
    assert not cached["generate.second"]


@pytest.mark.timeout(1200)  # pip installs what a step needs
@pytest.mark.slow
def test_the_requirements_can_be_installed(tmp_path: Path, plugins: Registry) -> None:
    """The steps install the SageMaker SDK and the shipped wheels with pip, into a separate environment."""
    installing = pipeline("loud").with_executor("sagemaker-rehearsal", install=True)
    rehearsed = rehearse(installing, tmp_path, plugins, on="")
    log = (rehearsed.run.read_log("container.generate-loud") or b"").decode()

    assert rehearsed.result is not None
    assert () == rehearsed.result.failures
    assert "Successfully installed" in log
    assert f"Requirement already satisfied: sagemaker=={sdk.version()}" in log, "the image has it, as on AWS"
    assert "/image/bin/python" in log


def test_a_store_in_s3_is_refused(plugins: Registry) -> None:
    """A rehearsal must not write to the real S3."""
    with pytest.raises(SpecError, match="stored in a folder of this machine"):
        pipeline("loud").run(on="sagemaker-rehearsal", store="s3://bucket/x", registry=plugins, progress=Progress())


def test_a_dataset_that_cannot_be_prepared_starts_no_pipeline(tmp_path: Path, plugins: Registry) -> None:
    """The error has the reason."""
    base = (
        Pipeline.builder("rehearsed").with_dataset("lines", records=0).with_prompt("bare").with_evaluator("characters")
    )
    pipeline = base.with_model("echo", fine_tune=False).with_executor("sagemaker-rehearsal")
    with pytest.raises(StepFailedError, match=r"step prepare\.lines failed: .* has no rows"):
        pipeline.run(store=tmp_path / "runs", registry=plugins, progress=Progress())


@pytest.mark.parametrize(
    ("role", "arn"),
    [
        ("", "arn:aws:iam::123456789012:role/llmops-rehearsal"),
        ("by-name", "arn:aws:iam::123456789012:role/by-name"),
        ("arn:aws:iam::111122223333:role/mine", "arn:aws:iam::111122223333:role/mine"),
    ],
)
def test_missing_settings_are_invented(role: str, arn: str, plugins: Registry) -> None:
    """A role has an ARN, and bucket, region and image have values; a profile is never used."""
    plan = pipeline("loud").with_settings("sagemaker", role=role, profile="mine").build(plugins)
    settings = emulated_settings(plan)

    assert (arn, "us-east-1", "sagemaker-us-east-1-rehearsal", "rehearsal", "") == (
        settings.role,
        settings.region,
        settings.bucket,
        settings.image_uri,
        settings.profile,
    )


NO_EMULATOR = """
import sys
from pathlib import Path
import llmops_sdk.testing
from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.pipeline import executor, submit
from llmops_sdk import Pipeline
from llmops_sdk.plugin import Runtime
from llmops_sdk.plugin.registry import Registry

registry = Registry.load()
registry.add("testing", llmops_sdk.testing)
base = Pipeline.builder("real").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
settings = {"role": "arn:aws:iam::111122223333:role/r", "region": "us-east-1", "bucket": "bucket", "image_uri": "i:1"}
plan = base.with_evaluator("echo-score").with_settings("sagemaker", **settings).with_executor("sagemaker").build(registry)
assert registry.make("executor", "sagemaker", {}).compile(plan, Runtime(registry, Path("cache")), full=True)["Steps"]
loaded = [name for name in sys.modules if "sagemaker.emulator" in name or name.split(".")[0] in ("moto", "flask")]
print(loaded)
"""


def test_a_real_run_loads_no_part_of_the_emulator() -> None:
    """Neither to compile nor to submit; moto is not even needed."""
    variables = {"PATH": "/usr/bin", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "HOME": "/nonexistent"}
    variables |= {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", NO_EMULATOR], env=variables, capture_output=True, text=True, check=False
    )

    assert ("[]", 0) == (done.stdout.strip().splitlines()[-1] if done.stdout else done.stderr, done.returncode)
