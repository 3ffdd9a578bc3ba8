"""The executor `sagemaker` against an account whose pipelines really run: left alone, found again, started by others."""

from __future__ import annotations

import signal
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import boto3
import pytest

from llmops_sdk.plugin import ExecutorOptions

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

import llmops_sdk.testing
from llmops_plugins.sagemaker.aws.interrupts import held_interrupt
from llmops_plugins.sagemaker.emulator import executor as rehearsal
from llmops_plugins.sagemaker.emulator.account import ROLE
from llmops_plugins.sagemaker.emulator.container import aws_variables
from llmops_plugins.sagemaker.pipeline import executor, steps
from llmops_plugins.sagemaker.pipeline.execution import Execution, NodeState
from llmops_plugins.sagemaker.pipeline.executor import finish
from llmops_plugins.sagemaker.pipeline.steps import begin_run, open_plan, plan_uri
from llmops_sdk import (
    LocalStore,
    Pipeline,
    Plan,
    Progress,
    Run,
    RunNotFoundError,
    SpecError,
    StepFailedError,
    UserError,
)
from llmops_sdk.pipeline.execution import attach, resume
from llmops_sdk.plugin import Executor, ExecutorCard, Failed, Resource, Runtime, Succeeded, hookimpl, option, run_step
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.plugin.stores import open_store
from llmops_sdk.testing import EchoEndpoint, MemoryStore

REGION, BUCKET = "us-east-1", "team-bucket"
NAME = "llmops-watched"


class Told(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="plugins", scope="module")
def _plugins() -> Registry:
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    return registry


def pipeline(**options: Any) -> Pipeline:
    base = Pipeline.builder("watched").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    base = base.with_settings("sagemaker", role=ROLE, bucket=BUCKET, region=REGION, image_uri="image:1")
    return base.with_model("echo", fine_tune=False).with_executor("sagemaker", poll_seconds=0.3, **options)


@pytest.fixture(name="account", scope="module")
def _account(tmp_path_factory: pytest.TempPathFactory, plugins: Registry) -> Iterator[rehearsal._World]:
    """An account with a bucket, which boto3 finds through the environment."""
    plan = attrs.evolve(pipeline().build(plugins), settings={"sagemaker": {"bucket": BUCKET, "region": REGION}})
    options = plugins.make("executor", "sagemaker-rehearsal", {}).options
    home = tmp_path_factory.mktemp("account")
    made = rehearsal._World(plan, options, Runtime(plugins, home))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws_variables(made.aws._url, REGION).items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("LLMOPS_HOME", str(home))
        yield made
    made.close()


@pytest.fixture(name="left", scope="module")
def _left(account: rehearsal._World, plugins: Registry, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Told]:
    """A run that was begun with `--detach`, from a store on this machine."""
    del account
    told = Told()
    store = tmp_path_factory.mktemp("local") / "runs"
    result = pipeline().run(store=store, detach=True, registry=plugins, progress=told)
    assert not (store / "runs").exists()
    return result.run, told


def wait_for_end(arn: str) -> str:
    client = boto3.client("sagemaker")
    until = time.monotonic() + 200
    while (status := client.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]) in (
        "Executing",
        "Stopping",
    ):
        assert time.monotonic() < until
        time.sleep(0.3)
    return str(status)


def arn_of(run_id: str) -> str:
    return f"{boto3.client('sagemaker').describe_pipeline(PipelineName=NAME)['PipelineArn']}/execution/{run_id}"


def test_a_run_that_is_left_says_how_to_come_back(left: tuple[Run, Told]) -> None:
    """And what nobody deletes meanwhile; the record is in S3, which was told."""
    run, told = left
    said = "\n".join(told.lines)

    assert f"llmops attach {run.id} --store 's3://{BUCKET}/llmops?region={REGION}'" in said
    assert f"llmops gc --run {run.id}" in said
    assert "what runs on SageMaker is kept in S3" in said
    assert run.store.uri.startswith(f"s3://{BUCKET}/llmops")


@pytest.mark.slow
def test_attaching_waits_for_the_end(left: tuple[Run, Told], plugins: Registry) -> None:
    """From another program, which knows the store and the id only."""
    run, _ = left
    told = Told()
    result = attach(run.id, store=f"s3://{BUCKET}/llmops", registry=plugins, progress=told)

    assert () == result.failures
    assert any("succeeded compare" in line for line in told.lines)
    assert run.store.get(f"runs/{run.id}/report.html")
    assert run.store.get(f"runs/{run.id}/specification.yaml")


@pytest.mark.slow
def test_a_start_by_somebody_else_is_a_run_of_its_own(left: tuple[Run, Told], plugins: Registry) -> None:
    """As from Studio or a schedule: it has the prepared data, repeats no work, and can be attached to."""
    run, _ = left
    wait_for_end(arn_of(run.id))
    arn = boto3.client("sagemaker").start_pipeline_execution(PipelineName=NAME)["PipelineExecutionArn"]
    assert "Succeeded" == wait_for_end(arn)
    other = Run.open(open_store(f"s3://{BUCKET}/llmops", plugins), arn.rpartition("/")[2])
    records = [other.record(step.name) for step in other.plan.steps]

    assert other.id != run.id
    assert all(isinstance(record, Succeeded) for record in records)
    assert {True} == {
        record.cached for record in records if isinstance(record, Succeeded) and "prepare." not in record.step
    }
    assert () == attach(other.id, store=other.store, registry=plugins, progress=Progress()).failures


@pytest.mark.slow
def test_an_ended_execution_is_resumed_as_a_new_one(left: tuple[Run, Told], plugins: Registry) -> None:
    """Which says so, and takes over what was made."""
    run, _ = left
    wait_for_end(arn_of(run.id))
    told = Told()
    result = resume(run.id, store=run.store, registry=plugins, progress=told)
    record = result.run.record("generate.echo")

    assert result.run.id != run.id
    assert isinstance(record, Succeeded)
    assert record.cached
    assert any("a new one takes over what it has made" in line for line in told.lines)


def test_a_pipeline_of_somebody_else_is_not_replaced(account: rehearsal._World, plugins: Registry) -> None:
    """The message says what to do."""
    del account
    boto3.client("sagemaker").create_pipeline(
        PipelineName="theirs", PipelineDefinition='{"Steps": []}', RoleArn=ROLE, ClientRequestToken="t" * 32
    )
    with pytest.raises(UserError, match="another name with the executor's option 'pipeline'"):
        pipeline(pipeline="theirs").run(registry=plugins, store=f"s3://{BUCKET}/x", progress=Progress())


def test_an_execution_that_there_is_not_is_told(left: tuple[Run, Told], plugins: Registry) -> None:
    """A record without its execution: of another account, or deleted."""
    run, _ = left
    begin_run(run.store, run.plan, "abcdefghijkl")
    with pytest.raises(UserError, match=r"knows no execution|does not exist"):
        attach("abcdefghijkl", store=run.store, registry=plugins, progress=Progress())


# -- without an account -------------------------------------------------------------------------


def test_offline_is_refused(plugins: Registry, tmp_path: Path) -> None:
    """Before anything is prepared."""
    with pytest.raises(UserError, match="run it without --offline"):
        pipeline().run(offline=True, registry=plugins, store=tmp_path, progress=Progress())


def test_only_what_runs_elsewhere_can_be_left(plugins: Registry, tmp_path: Path) -> None:
    """The local executor ends with its program."""
    with pytest.raises(SpecError, match="which cannot be left"):
        pipeline().run(on="local", detach=True, registry=plugins, store=tmp_path, progress=Progress())
    assert not any(tmp_path.iterdir())


def test_the_local_executor_compiles_to_nothing_else(plugins: Registry, tmp_path: Path) -> None:
    """The message names the command that shows the plan."""
    plan = pipeline().with_executor("local").build(plugins)
    with pytest.raises(SpecError, match="llmops plan"):
        plugins.make("executor", "local", {}).compile(plan, Runtime(plugins, tmp_path))


def test_a_plan_is_found_again_by_its_uri(tmp_path: Path, plugins: Registry) -> None:
    """Without what means something on the client's machine only."""
    plan = pipeline().build(plugins)
    store = LocalStore(tmp_path)
    store.put(f"plans/{plan.hash}/plan.json", json_of(plan))
    opened, found = open_plan(plan_uri(store, plan))

    class Remote(MemoryStore):
        uri = "s3://bucket/team/llmops?profile=mine&region=eu-west-1"

    assert (str(tmp_path), plan.hash) == (opened.uri, found.hash)
    assert f"s3://bucket/team/llmops/plans/{plan.hash}/plan.json?region=eu-west-1" == plan_uri(Remote(), plan)


def json_of(plan: Plan) -> bytes:
    import json

    return json.dumps(plan.json).encode()


def begun(plugins: Registry) -> Run:
    """A run whose data is prepared, of a model that is trained."""
    made = pipeline().with_model("echo", name="tuned", trainer={"voice": "quiet"})
    run = Run.create(MemoryStore(), made.build(plugins), run_id="abcdefghijkl")
    run.write_record(Succeeded("prepare.lines", {}, cached=False, at=0.0, seconds=0.0))
    return run


def test_a_lost_container_is_recorded_and_the_rest_compared(plugins: Registry, tmp_path: Path) -> None:
    """With SageMaker's reason; what needed it failed because of it."""
    run = begun(plugins)
    nodes = {"train-tuned-bare-lines": NodeState("Failed", "AlgorithmError: Killed, exit code: 137")}
    finish(run, Runtime(plugins, tmp_path), "Failed", nodes)
    train, score = run.record("train.tuned.bare.lines"), run.record("score.tuned.bare.lines")

    assert isinstance(train, Failed)
    assert "its container was lost: AlgorithmError: Killed, exit code: 137" == train.error
    assert isinstance(score, Failed)
    assert "train.tuned.bare.lines" == score.cause
    assert isinstance(run.record("compare"), Succeeded)
    assert {"echo", "tuned"} == {cell.candidate for cell in run.results().leaderboards[0].failed}


def test_a_stop_in_the_console_is_recorded(plugins: Registry, tmp_path: Path) -> None:
    """Every step that had not ended says so."""
    run = begun(plugins)
    finish(run, Runtime(plugins, tmp_path), "Stopped", {"generate-echo": NodeState("Stopped")})
    record = run.record("generate.echo")

    assert isinstance(record, Failed)
    assert "the execution was stopped" == record.error


def test_a_run_whose_pipeline_was_deleted_is_resumed_as_a_new_one(
    plugins: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which says so."""

    def gone(*_: Any) -> Execution:
        message = f"there is no pipeline {NAME!r} in this account and region"
        raise RunNotFoundError(message)

    run, told = begun(plugins), Told()
    new = Run.create(MemoryStore(), run.plan, run_id="new")
    monkeypatch.setattr(executor, "Execution", gone)
    monkeypatch.setattr(executor.SageMakerExecutor, "create_run", lambda *_: new)
    resumed = plugins.make("executor", "sagemaker", {}).resume(run, Runtime(plugins, tmp_path, progress=told))

    assert "new" == resumed.id
    (line,) = told.lines
    assert f"the execution of run {run.id} is gone: there is no pipeline {NAME!r} in this account and region" in line
    assert "a new one takes over what it has made" in line


def test_a_step_that_is_stopped_finishes_what_must_not_be_cut(
    plugins: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SageMaker's SIGTERM waits for the end of a request that creates something, and then ends the node."""
    plan, store, done = pipeline().build(plugins), LocalStore(tmp_path / "runs"), []
    store.put(f"plans/{plan.hash}/plan.json", json_of(plan))

    def creating(_run: Run, step: str, _runtime: Runtime) -> Succeeded:
        with held_interrupt():
            signal.raise_signal(signal.SIGTERM)
            done.append(step)
        raise AssertionError

    monkeypatch.setattr(steps, "run_step", creating)
    monkeypatch.setattr(Runtime, "here", lambda: Runtime(plugins, tmp_path))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(StepFailedError, match="node 'generate-echo' was stopped"):
            steps.run_node(plan_uri(store, plan), "abcdefghijkl", "generate-echo")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert ["generate.echo"] == done


class Elsewhere(Executor):
    """Leaves a resource, as a step that is killed does, and is interrupted or not."""

    remote = True

    def execute(self, run: Run, runtime: Runtime) -> None:
        run.add_resource(Resource("echo", "left-behind"), "generate.echo")
        for step in run.plan.steps:
            run_step(run, step.name, runtime)
        if self.options.interrupted:
            raise KeyboardInterrupt


@attrs.frozen(kw_only=True)
class ElsewhereOptions(ExecutorOptions):
    """Whether it is interrupted."""

    interrupted: bool = option(False)


class ElsewherePlugin:
    """Offers it."""

    @staticmethod
    @hookimpl
    def llmops_cards() -> tuple[ExecutorCard, ...]:
        card = ExecutorCard(name="elsewhere", summary="", load=f"{__name__}:Elsewhere", options=ElsewhereOptions)
        return (card,)


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_a_killed_step_left_is_deleted(interrupted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a parameter
    """When what runs elsewhere has ended: by itself, or by Ctrl-C, which names the run to go on with."""
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    registry.add("elsewhere", ElsewherePlugin())
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or types.ModuleType(__name__))
    monkeypatch.setattr(sys.modules[__name__], "Elsewhere", Elsewhere, raising=False)
    deleted: list[str] = []
    monkeypatch.setattr(EchoEndpoint, "delete", lambda _self, _context, resource: deleted.append(resource.name))
    made = pipeline().with_executor("elsewhere", interrupted=interrupted)
    if interrupted:
        with pytest.raises(KeyboardInterrupt) as stopped:
            made.run(store=tmp_path, registry=registry, progress=Progress())
        assert str(tmp_path) == stopped.value.args[1]
    else:
        made.run(store=tmp_path, registry=registry, progress=Progress())

    assert "left-behind" in deleted
    assert all(entry.deleted for entry in Run.open(LocalStore(tmp_path), "latest").ledger())


def test_every_node_of_a_graph_is_described_in_the_docs() -> None:
    """The page names the parameters that whoever starts the pipeline may set."""
    page = (Path(__file__).parents[4] / "docs" / "how-to" / "sagemaker-pipeline.md").read_text(encoding="utf-8")

    parameters = ("TrainInstanceType", "GenerateInstanceType", "ScoreInstanceType", "CompareInstanceType")
    for word in (*parameters, "sagemaker-rehearsal", "attach"):
        assert word in page


def test_an_interrupt_at_the_start_stops_what_was_started(
    account: rehearsal._World, plugins: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SageMaker's answer is waited for; then the execution is stopped, which nobody would watch."""
    del account

    def interrupted(*_: Any) -> Run:
        raise KeyboardInterrupt

    monkeypatch.setattr(executor, "begin_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pipeline(pipeline="interrupted").run(registry=plugins, store=f"s3://{BUCKET}/y", progress=Progress())
    client = boto3.client("sagemaker")
    (found,) = client.list_pipeline_executions(PipelineName="interrupted")["PipelineExecutionSummaries"]

    assert "Stopped" == wait_for_end(found["PipelineExecutionArn"])
