"""Runs that need the same model share one training job: a rerun, another machine, another run; only its own run stops it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.jumpstart import training_job
from llmops_plugins.sagemaker.jumpstart.options import JumpStartTrainingOptions
from llmops_plugins.sagemaker.jumpstart.trainer import JumpStartTrainer
from llmops_plugins.sagemaker.orphans import SageMakerOrphanFinder
from llmops_sdk import EndpointError, Progress
from llmops_sdk.cli.main import main
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.plugin import Context, DatasetSplits, Resource, TrainedModel
from llmops_sdk.plugin.registry import Registry

from ...plugins.sagemaker.fixtures import BUCKET, SETTINGS, Account, Cloud, interrupt
from ...plugins.sagemaker.training import BASE, JOB, OPTIONS, PROMPT, MakeContext, train
from .test_killed_clients import killed
from .whole_runs import article, still_in_ledger, the_run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("jumpstart")]


class KeptProgress(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


def at_once(cloud: Cloud, action: str, call: Any) -> None:
    """Call something once, during the next request of an action."""

    def hook(called: str) -> None:
        if called == action:
            cloud.on_call = lambda _: None
            call()

    cloud.on_call = hook


def leave_running(cloud: Cloud, context: Context, splits: DatasetSplits) -> None:
    """Start the job, and let the run be killed while waiting for it."""
    cloud.job_stages = [("InProgress", "")]
    at_once(cloud, "DescribeTrainingJob", lambda: at_once(cloud, "DescribeTrainingJob", interrupt))
    with pytest.raises(KeyboardInterrupt):  # nothing is deleted, which `train` of these tests would
        JumpStartTrainer(OPTIONS).train(context, BASE, splits, PROMPT)


def resources(context: Context) -> tuple[Resource, ...]:
    return JumpStartTrainer(OPTIONS).resources(context)


# -- attach -------------------------------------------------------------------------------------


@pytest.mark.parametrize("run_id", ["run-1", "run-2"])
@pytest.mark.parametrize("machine", ["this", "another"])
def test_a_running_job_is_attached_to(
    run_id: str, machine: str, cloud: Cloud, splits: DatasetSplits, make_context: MakeContext, tmp_path: Path
) -> None:
    """By the same run and by others; only the run's own job is its resource."""
    leave_running(cloud, make_context(), splits)
    cloud.turn("job", JOB, ("InProgress", ""), ("InProgress", ""), ("InProgress", ""), ("Completed", ""))
    places = {"folder": tmp_path / "there" / "artifact", "home": tmp_path / "there"} if machine == "another" else {}
    progress = KeptProgress()
    context = make_context(run_id=run_id, progress=progress, **places)

    listed = resources(context)
    trained = train(context, splits)

    assert (JOB, "run-1") == (trained.job_name, trained.metadata["started_by"])
    assert 1 == len(cloud.requests("CreateTrainingJob"))
    if run_id == "run-1":
        assert (Resource("training-job", JOB),) == listed
        assert [f"train.llama: waiting for training job '{JOB}' (InProgress)"] == progress.lines
    else:
        assert () == listed
        line = f"attached to training job '{JOB}' of run 'run-1' (InProgress); it keeps running if this run is stopped"
        assert [f"train.llama: {line}"] == progress.lines


def test_the_model_of_a_completed_job_is_used(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no second job, and the record names the run that started it."""
    first = train(make_context(), splits)

    with caplog.at_level("INFO", "llmops.test"):
        again = train(make_context(run_id="run-2"), splits)

    assert first == again
    assert "run-1" == again.metadata["started_by"]
    assert f"using the model of training job '{JOB}' of run 'run-1', which is completed" in caplog.text
    assert 1 == len(cloud.requests("CreateTrainingJob"))


@pytest.mark.parametrize("end", ["Failed", "Stopping", "Stopped", "Completed"])
def test_a_job_without_a_model_is_skipped(
    end: str, cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """Failed, stopped, or its model was deleted from S3: the next name is used, and others find it."""
    leave_running(cloud, make_context(), splits)
    cloud.turn("job", JOB, (end, ""))
    cloud.lost_models.add(JOB)
    cloud.job_stages = [("InProgress", ""), ("Completed", "")]

    second = train(make_context(run_id="run-2"), splits)
    third = train(make_context(run_id="run-3"), splits)

    assert (f"{JOB}-2", f"{JOB}-2", "run-2") == (second.job_name, third.job_name, third.metadata["started_by"])
    assert 2 == len(cloud.requests("CreateTrainingJob"))


def test_a_job_whose_bucket_was_deleted_is_skipped(account: Account, make_context: MakeContext) -> None:
    """It has no model."""
    account.job(JOB, "Completed", run_id="run-1")

    assert (Resource("training-job", f"{JOB}-2"),) == resources(make_context())


def test_the_number_of_names_is_limited(
    account: Account, make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many jobs without a model have one cause; the error shows what to do."""
    monkeypatch.setattr(training_job, "_MAX_ATTEMPTS", 2)
    account.job(JOB, "Failed", run_id="run-1")
    account.job(f"{JOB}-2", "Stopped", run_id="run-1")

    with pytest.raises(EndpointError, match=f"training jobs '{JOB}' to '{JOB}-2' ended without a model"):
        resources(make_context())
    (other,) = resources(make_context(settings={**SETTINGS, "prefix": "again"}))
    assert not other.name.startswith(JOB)


@pytest.mark.usefixtures("cloud")
def test_the_name_depends_on_the_model_and_its_location(make_context: MakeContext, tmp_path: Path) -> None:
    """Key, bucket, prefix and encryption count; run, step, machine and tags do not. `gc` knows the prefix."""

    def name(folder: str = "artifact", run_id: str = "run-1", step: str = "train.llama", **settings: Any) -> str:
        context = make_context(run_id=run_id, step=step, folder=tmp_path / folder, settings={**SETTINGS, **settings})
        return resources(context)[0].name

    assert {JOB} == {
        name(),
        name(folder="there/artifact"),
        name(run_id="run-2", step="train.other"),
        name(tags={"team": "nlp"}),
        name(bucket=BUCKET),
    }
    others = {JOB, name(folder="other"), name(bucket="other"), name(prefix="other"), name(kms_key="key")}
    assert 5 == len(others)
    assert JOB.startswith("llmops-")
    assert len(f"{JOB}-{training_job._MAX_ATTEMPTS}") <= 63


# -- races --------------------------------------------------------------------------------------


def test_two_simultaneous_runs_share_a_job(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """Both find no job and create it; SageMaker refuses the later one, which attaches."""
    both = threading.Barrier(2, timeout=60)
    progress = KeptProgress()

    def meet(action: str) -> None:
        if action == "CreateTrainingJob":
            both.wait()

    def run(run_id: str) -> TrainedModel:
        return train(make_context(run_id=run_id, progress=progress), splits)

    cloud.on_call = meet
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(run, ("run-1", "run-2"))

    assert one == other
    owner = one.metadata["started_by"]
    assert owner in {"run-1", "run-2"}
    (line,) = progress.lines
    assert f" training job '{JOB}' of run '{owner}'" in line
    assert [JOB, JOB] == [request["TrainingJobName"] for request in cloud.requests("CreateTrainingJob")]
    assert [] == cloud.requests("StopTrainingJob")


def test_the_slower_run_does_not_stop_the_job(
    cloud: Cloud, account: Account, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """The job is in its ledger, but Ctrl-C and `gc` leave it to the other run."""
    cloud.job_stages = [("InProgress", "")]

    def overtake() -> None:
        account.job(JOB, run_id="run-2")
        at_once(cloud, "DescribeTrainingJob", lambda: at_once(cloud, "DescribeTrainingJob", interrupt))

    at_once(cloud, "CreateTrainingJob", overtake)
    progress = KeptProgress()
    context = make_context(progress=progress)

    with pytest.raises(KeyboardInterrupt):
        train(context, splits)
    JumpStartTrainer(OPTIONS).delete(context, Resource("training-job", JOB))  # as `gc` does

    assert progress.lines[0].startswith(f"train.llama: attached to training job '{JOB}' of run 'run-2'")
    assert [f"training-job {JOB}"] == cloud.left()
    assert [] == cloud.requests("StopTrainingJob")
    JumpStartTrainer(OPTIONS).delete(make_context(run_id="run-2"), Resource("training-job", JOB))
    assert [] == cloud.left()


def test_a_job_whose_answer_was_lost_is_still_the_runs_own(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """The repeated request finds the job, and stopping the run stops it."""
    cloud.job_stages = [("InProgress", "")]
    create, context = JumpStartTrainer(OPTIONS), make_context()
    attempt = training_job.TrainingJob.create

    def twice(self: training_job.TrainingJob, request: Mapping[str, Any]) -> bool:
        attempt(self, request)
        return attempt(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_job.TrainingJob, "create", twice)
        at_once(cloud, "ListTags", lambda: at_once(cloud, "DescribeTrainingJob", interrupt))
        with pytest.raises(KeyboardInterrupt):
            create.train(context, BASE, splits, PROMPT)
    create.delete(context, Resource("training-job", JOB))

    assert [] == cloud.left()


# -- stopped ------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["Ctrl-C", "timeout"])
def test_stopping_an_attached_run_does_not_stop_the_job(
    end: str, cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """The job belongs to another run."""
    leave_running(cloud, make_context(), splits)
    if end == "Ctrl-C":
        at_once(cloud, "DescribeTrainingJob", lambda: at_once(cloud, "DescribeTrainingJob", interrupt))
    timeout = 0.05 if end == "timeout" else None

    with pytest.raises(EndpointError if timeout else KeyboardInterrupt):
        train(make_context(run_id="run-2"), splits, JumpStartTrainingOptions(poll_seconds=0.01, timeout=timeout))

    assert [f"training-job {JOB}"] == cloud.left()
    assert [] == cloud.requests("StopTrainingJob")


def test_a_job_can_be_stopped_by_its_owner_while_others_are_attached(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """Attached runs get one message that names the owner, and start their own job when run again."""
    leave_running(cloud, make_context(), splits)

    def stop() -> None:
        JumpStartTrainer(OPTIONS).delete(make_context(), Resource("training-job", JOB))

    at_once(cloud, "DescribeTrainingJob", lambda: at_once(cloud, "DescribeTrainingJob", stop))
    attached = make_context(run_id="run-2")

    with pytest.raises(EndpointError) as caught:
        train(attached, splits)

    assert str(caught.value).startswith(f"training job '{JOB}' stopped: ")
    assert str(caught.value).endswith("; run 'run-1' started it: run again to start a new one")
    assert "\n" not in str(caught.value)
    cloud.job_stages = [("InProgress", ""), ("Completed", "")]
    again = train(attached, splits)
    assert (f"{JOB}-2", "run-2") == (again.job_name, again.metadata["started_by"])
    assert 2 == len(cloud.requests("CreateTrainingJob"))


def test_the_tags_name_the_run_that_started_the_job(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """`gc` therefore lists it for this run only."""
    leave_running(cloud, make_context(), splits)

    assert ["run-1"] == [item.run_id for item in SageMakerOrphanFinder({}).list()]
    assert [] == list(SageMakerOrphanFinder({}).list("run-2"))


@pytest.mark.usefixtures("home", "runtime")
def test_runs_of_two_stores_share_a_job(cloud: Cloud, registry: Registry, tmp_path: Path) -> None:
    """The job of a killed run is found from another store, survives that run, and is deleted by `gc` of its own."""
    (tmp_path / "one").mkdir()
    owner, other = killed("DescribeTrainingJob", cloud, tmp_path / "one"), tmp_path / "other"
    (job,) = [line for line in cloud.left() if line.startswith("training-job")]
    name = job.split()[1]
    cloud.turn("job", name, ("InProgress", ""))
    at_once(cloud, "DescribeTrainingJob", lambda: at_once(cloud, "DescribeTrainingJob", interrupt))

    with pytest.raises(KeyboardInterrupt):
        article().run(store=other, registry=registry, progress=Progress())

    attached = the_run(str(other))
    assert ([job], set()) == (cloud.left(), still_in_ledger(attached))
    log = (other / "runs" / attached.id / "logs" / "train.llama-2-7b.alpaca.sample.log").read_text(encoding="utf-8")
    assert f"attached to training job '{name}' of run '{owner.id}'" in log
    assert 0 == main(["gc", "--force", "--run", attached.id, "--store", str(other)])
    assert [job] == cloud.left()
    assert 0 == main(["gc", "--force", "--run", owner.id, "--store", str(tmp_path / "one" / "runs")])
    assert ([], set()) == (cloud.left(), still_in_ledger(owner))
    assert 1 == cloud.created.count("CreateTrainingJob")

    result = resume(attached.id, store=other, registry=registry, progress=Progress())

    assert () == result.failures
    assert [name, f"{name}-2"] == [request["TrainingJobName"] for request in cloud.requests("CreateTrainingJob")]
