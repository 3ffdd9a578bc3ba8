"""Training a JumpStart model: what `build()` refuses, the job, finding it again, and every way it can fail."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import boto3
from botocore.config import Config

from llmops_plugins.sagemaker import aws as aws_module
from llmops_plugins.sagemaker.jumpstart import JumpStartTrainer
from llmops_plugins.sagemaker.jumpstart_options import JumpStartTrainingOptions
from llmops_plugins.sagemaker.names import JUMPSTART_ARTIFACT, RESPONSE_KEY
from llmops_sdk import (
    BaseModel,
    Context,
    DatasetSplits,
    EndpointError,
    Pipeline,
    Resource,
    SpecError,
    Split,
    TextTemplate,
    TrainedModel,
    UserError,
    file_sha256,
)
from llmops_sdk.registry import Registry

from .conftest import BUCKET, MODEL_ID, ROLE, SETTINGS, Cloud, Edit, interrupt

pytestmark = pytest.mark.usefixtures("jumpstart")

MakeContext = Callable[..., Context]

OPTIONS = JumpStartTrainingOptions(hyperparameters={"epoch": 1, "max_input_length": "1024"}, poll_seconds=0.01)
BASE = BaseModel("jumpstart", MODEL_ID, "4.*", {"accept_eula": "true"})
PROMPT = TextTemplate("Do: {instruction}\n\nWith: {context}\n\n", RESPONSE_KEY, " {response}")


@pytest.fixture
def splits(tmp_path: Path) -> DatasetSplits:
    """Two records to train on and one to test on."""
    rows = [{"instruction": f"i{n}", "context": f"c{n} ü", "response": f"r{n}"} for n in range(3)]
    (tmp_path / "splits").mkdir()

    def split(name: str, rows: list[dict[str, str]]) -> Split:
        path = tmp_path / "splits" / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
        return Split(path, len(rows), file_sha256(path))

    return DatasetSplits(split("train", rows[:2]), split("test", rows[2:]))


def job_name(context: Context) -> str:
    (resource,) = JumpStartTrainer(OPTIONS).resources(context)
    assert "training-job" == resource.kind
    return resource.name


def train(
    context: Context, splits: DatasetSplits, options: JumpStartTrainingOptions = OPTIONS, base: BaseModel = BASE
) -> TrainedModel:
    """Train as the `train` step does: what was begun is deleted when it did not come to its end."""
    trainer = JumpStartTrainer(options)
    resources = trainer.resources(context)
    try:
        return trainer.train(context, base, splits, PROMPT)
    finally:
        for resource in resources:
            trainer.delete(context, resource)


# -- what build() refuses -----------------------------------------------------------------------


def pipeline(use: str = "jumpstart", **model: Any) -> Pipeline:
    named = {"model_id": MODEL_ID, "version": "4.0.0", "accept_eula": True} if use == "jumpstart" else {}
    return (
        Pipeline.builder()
        .with_dataset("sample")
        .with_evaluator("echo-score")
        .with_settings("sagemaker", **SETTINGS)
        .with_model(use, **{**named, **model})
    )


def tuned(**hyperparameters: Any) -> Pipeline:
    return pipeline(trainer={"hyperparameters": hyperparameters})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (pipeline("llama-2-7b"), "it is under Meta's Llama 2 licence: read that, and say accept_eula=True"),
        (pipeline(accept_eula=False), f"JumpStart's '{MODEL_ID}' is gated: read its licence"),
        (pipeline(accept_eula=False, fine_tune=False), f"JumpStart's '{MODEL_ID}' is gated: read its licence"),
        (pipeline(model_id="meta-textgeneration-lama-2-7b"), f"in us-east-1; did you mean '{MODEL_ID}'?"),
        (pipeline(version="3.*"), "has no version '3.*'; it has: 2.0.4, 4.0.0"),
        (pipeline(version="latest"), "'version' must match regex"),
        (pipeline(version="2.*"), "the training code of JumpStart's 'meta-textgeneration-llama-2-7b' 2.0.4 is known to"),
        (tuned(epocs="1"), "hyperparameters of meta-textgeneration-llama-2-7b 4.0.0: there is no 'epocs'; did you mean 'epoch'?"),
        (tuned(epoch="0"), "'epoch' is at least 1, not '0'"),
        (tuned(epoch=1001, learning_rate=2), "'epoch' is at most 1000, not '1001'; 'learning_rate' is at most 1, not '2'"),
        (tuned(epoch="1.5"), "'epoch' is a whole number, not '1.5'"),
        (tuned(learning_rate="fast"), "'learning_rate' is a number, not 'fast'"),
        (tuned(int8_quantization="yes"), "'int8_quantization' is one of True, False, not 'yes'"),
        (tuned(epoch=[1]), "hyperparameter 'epoch' must be text, a number, or True or False, not [1]"),
        (tuned(instruction_tuned="False"), "does instruction tuning: leave out instruction_tuned, or say 'True'"),
        (tuned(chat_dataset=True), "trains on instructions, not on dialogues"),
        (pipeline(trainer={"spot": True}), "spot needs max_run, and a max_wait that is at least as long"),
        (pipeline(trainer={"spot": True, "max_run": 9, "max_wait": 8}), "spot needs max_run, and a max_wait"),
        (pipeline(trainer={"max_wait": 8}), "max_wait is for spot instances"),
        (pipeline().with_prompt("plain"), "and prompt 'plain' has response_key '': use 'alpaca'"),
        (pipeline().with_prompt("alpaca").with_prompt("chat"), "and prompt 'chat' has chat messages: use 'alpaca'"),
        (pipeline(deployer="existing-endpoint"), "serves sagemaker-endpoint models, and this one is of format 'jumpstart-artifact'"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_told_by_build(
    wrong: Pipeline, message: str, registry: Registry, cloud: Cloud
) -> None:
    """One line, before anything is read or created."""
    with pytest.raises(SpecError) as found:
        wrong.build(registry)

    assert message in str(found.value)
    assert "\n" not in str(found.value)
    assert [] == cloud.created


def test_versions_and_kinds_of_models(jumpstart: Edit, registry: Registry) -> None:
    """A model that cannot be trained, one without instruction tuning, and one that is too new for the installed SDK."""
    jumpstart("5.0.0", training_supported=False)
    jumpstart("6.0.0", hyperparameters=[])
    jumpstart("7.0.0", min_version="2.999.0")

    with pytest.raises(SpecError, match=r"cannot fine-tune '.*' 5\.0\.0: say fine_tune=False"):
        pipeline(version="5.*").build(registry)
    pipeline(version="5.*", fine_tune=False).build(registry)
    with pytest.raises(SpecError, match=r"6\.0\.0 has no instruction tuning"):
        pipeline(version="6.*").build(registry)
    with pytest.raises(SpecError, match=r"'7\.\*' needs sagemaker 2\.999\.0 or newer; .* is installed"):
        pipeline(version="7.*").build(registry)
    with pytest.raises(SpecError, match=r"6\.0\.0 has no instruction tuning"):  # the newest that this SDK can use
        pipeline(version="*").build(registry)


def test_without_aws_build_notes_that_the_model_is_checked_later(
    cloud: Cloud, registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A laptop without a network can still plan; what needs JumpStart is checked before the job is created."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")

    with caplog.at_level(logging.WARNING, "llmops.sagemaker"):
        tuned(epocs="1").build(registry)

    told = f"model '{MODEL_ID}' cannot be checked now, and will be before anything is created: "
    assert 1 == caplog.text.count(told), "trainer and deployer say the same"
    assert "AWS cannot be reached" in caplog.text
    assert [] == cloud.calls


def test_offline_and_in_a_rehearsal_nobody_is_asked(
    cloud: Cloud, registry: Registry, jumpstart: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    """What only JumpStart knows is not checked then; a misspelt hyperparameter is found when it can be asked."""
    del jumpstart
    with pytest.raises(SpecError, match="there is no 'epocs'"):
        tuned(epocs="1").build(registry)
    before = len(cloud.calls)
    tuned(epocs="1").build(registry, offline=True)
    tuned(epocs="1").with_executor("sagemaker-rehearsal").build(registry)

    assert before == len(cloud.calls)
    assert "" == caplog.text


def test_a_store_in_s3_is_no_place_for_a_run_offline(registry: Registry) -> None:
    """It says what to do instead."""
    with pytest.raises(
        SpecError, match="'s3://bucket/x' needs the network, and this run is offline: keep it in a folder"
    ):
        tuned().run(store="s3://bucket/x", offline=True, registry=registry)


def test_the_catalogue_is_read_from_jumpstarts_bucket(
    tmp_path: Path,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where nothing else is said, the list and the specification come from the region's own bucket."""
    root = tmp_path / "jumpstart"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="jumpstart-cache-prod-us-east-1")
    for path in root.rglob("*.json"):
        s3.upload_file(str(path), "jumpstart-cache-prod-us-east-1", str(path.relative_to(root)))
    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")

    with pytest.raises(SpecError, match="there is no 'epocs'; did you mean 'epoch'"):
        tuned(epocs="1").build(registry)


# -- the job ------------------------------------------------------------------------------------


def test_options_and_tags_are_in_the_request(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """Spot instances with their two limits, the instance, a compressed model; the user's tags beside the project's."""
    options = JumpStartTrainingOptions(
        spot=True,
        max_run=600,
        max_wait=900,
        instance_type="ml.g5.24xlarge",
        volume_size=77,
        disable_output_compression=False,
        poll_seconds=0.01,
    )

    trained = train(make_context(settings={"sagemaker": {**SETTINGS, "tags": {"team": "nlp"}}}), splits, options)

    (request,) = cloud.requests("CreateTrainingJob")
    assert request["EnableManagedSpotTraining"]
    assert {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900} == request["StoppingCondition"]
    resources = request["ResourceConfig"]
    assert ("ml.g5.24xlarge", 1, 77) == (
        resources["InstanceType"],
        resources["InstanceCount"],
        resources["VolumeSizeInGB"],
    )
    assert request["OutputDataConfig"].get("CompressionType", "GZIP") == "GZIP"
    assert {"team": "nlp", "llmops:run-id": "run-1"}.items() <= {
        tag["Key"]: tag["Value"] for tag in request["Tags"]
    }.items()
    assert ("true", "GZIP", "ml.g5.24xlarge") == tuple(
        trained.facts[name] for name in ("spot", "compression", "instance_type")
    )


def test_a_job_from_the_data_to_the_model(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """Data and template lie in S3 as the article has them, the job runs, and the model says where it came from."""
    context = make_context()

    trained = train(context, splits)

    (request,) = cloud.requests("CreateTrainingJob")
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in request["InputDataConfig"]
    }
    folder = channels["training"].removeprefix(f"s3://{BUCKET}/")
    s3 = boto3.client("s3")

    def stored(key: str) -> bytes:
        body: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    assert splits.train.path.read_bytes() == stored(f"{folder}/train.jsonl")
    assert {"prompt": PROMPT.prompt, "completion": PROMPT.completion} == json.loads(stored(f"{folder}/template.json"))
    assert splits.test.path.read_bytes() == stored(folder.replace("/train", "/test/test.jsonl"))
    assert "s3://jumpstart-cache-prod-us-east-1/source-directory" in channels["code"]
    (licence,) = [
        channel["DataSource"]["S3DataSource"]["ModelAccessConfig"]
        for channel in request["InputDataConfig"]
        if channel["ChannelName"] == "model"
    ]
    assert {"AcceptEula": True} == licence
    own = {name: value for name, value in request["HyperParameters"].items() if not name.startswith("sagemaker_")}
    assert ('"1"', '"1024"', '"True"') == (own["epoch"], own["max_input_length"], own["instruction_tuned"])
    tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    assert {"llmops:run-id", "llmops:step", "llmops:expires-at"} <= set(tags)
    may_run = request["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert may_run > 24 * 3600, "longer than what is forgotten after a day"
    assert datetime.fromisoformat(tags["llmops:expires-at"]).timestamp() > time.time() + may_run
    assert (JUMPSTART_ARTIFACT, job_name(context)) == (trained.format, trained.job_name)
    assert f"s3://{BUCKET}/llmops/training/{trained.job_name}/output/model/" == trained.uri
    assert ("4.0.0", "NONE", "ml.g5.12xlarge") == (
        trained.base.version,
        trained.facts["compression"],
        trained.facts["instance_type"],
    )
    assert JumpStartTrainer(OPTIONS).fingerprint(context, BASE) == "4.0.0"
    assert [] == cloud.requests("StopTrainingJob")


def test_data_is_uploaded_once(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """The same data has the same place for every run, and is not sent again."""
    for run in ("run-1", "run-2"):
        train(make_context(run_id=run, folder=splits.train.path.parents[1] / run), splits)

    uris = {
        request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
        for request in cloud.requests("CreateTrainingJob")
    }
    assert 1 == len(uris)
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert 3 == len(listed)


def test_a_rerun_finds_the_job(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """A job that is in progress, or completed, is used: by the same run, and by another run that wants the same model."""
    cloud.job_stages = [("InProgress", "")]
    context = make_context()
    cloud.on_call = lambda _: None if "CreateTrainingJob" not in cloud.created else interrupt()
    with pytest.raises(KeyboardInterrupt):  # as if it were killed: nothing is deleted, which `train` above would
        JumpStartTrainer(OPTIONS).train(context, BASE, splits, PROMPT)
    cloud.on_call = lambda _: None
    name = job_name(context)
    cloud.turn("job", name, ("InProgress", ""), ("Completed", ""))

    again = train(make_context(run_id="run-2"), splits)

    assert (name, name) == (again.job_name, train(context, splits).job_name)
    assert 1 == len(cloud.requests("CreateTrainingJob"))
    assert "run-1" in name


def test_a_job_of_that_name_with_other_inputs_is_not_taken(
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """Its model would be another one; the next attempt begins a job of its own."""
    context = make_context()
    train(context, splits)
    other = JumpStartTrainingOptions(hyperparameters={"epoch": 2}, poll_seconds=0.01)

    with pytest.raises(
        EndpointError, match="there is a training job 'llmops-run-1-train-llama' with other inputs: run again"
    ):
        train(context, splits, other)

    assert "llmops-run-1-train-llama-2" == train(context, splits, other).job_name


def test_a_failed_job_tells_its_reason_and_its_last_words(
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """In one message; running again begins another job, since a name is used only once."""
    context = make_context()
    cloud.job_stages = [("InProgress", ""), ("Failed", "AlgorithmError: ExecuteUserScriptError:\nExitCode 1")]
    logs = boto3.client("logs")
    stream = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": f"{job_name(context)}/algo-1-1"}
    logs.create_log_group(logGroupName=stream["logGroupName"])
    logs.create_log_stream(**stream)
    now = int(time.time() * 1000)
    lines = [{"timestamp": now + n, "message": text} for n, text in enumerate(["one", "CUDA out of memory"])]
    logs.put_log_events(**stream, logEvents=lines)

    with pytest.raises(EndpointError) as found:
        train(context, splits)

    assert (
        "training job 'llmops-run-1-train-llama' failed: AlgorithmError: ExecuteUserScriptError: ExitCode 1;"
        " its last words: one / CUDA out of memory (log group /aws/sagemaker/TrainingJobs)"
    ) == str(found.value)
    cloud.job_stages = [("Completed", "")]
    assert "llmops-run-1-train-llama-2" == train(context, splits).job_name


def test_a_job_that_was_stopped_elsewhere(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """Stopped in the console: told, and nothing is left to delete."""
    cloud.job_stages = [("InProgress", ""), ("Stopping", ""), ("Stopped", "")]

    with pytest.raises(EndpointError, match="training job 'llmops-run-1-train-llama' stopped: Stopped"):
        train(make_context(), splits)

    assert [] == cloud.requests("StopTrainingJob")


def test_a_job_that_takes_too_long_is_stopped(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """The message names the option; the job runs no more, and the next attempt begins another."""
    cloud.job_stages = [("InProgress", "")]
    context = make_context()

    with pytest.raises(EndpointError, match="raise 'timeout'"):
        train(context, splits, JumpStartTrainingOptions(poll_seconds=0.01, timeout=0.05))

    assert 1 == len(cloud.requests("StopTrainingJob"))
    assert [] == cloud.left()
    assert "llmops-run-1-train-llama-2" == job_name(context)


@pytest.mark.parametrize("action", ["DescribeTrainingJob", "CreateTrainingJob"])
def test_ctrl_c_stops_the_job(
    action: str,
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """While the request to create it is under way, and while it is waited for: at once, and no job is left running."""
    cloud.job_stages = [("InProgress", "")]
    seen: list[int] = []

    def once(called: str) -> None:
        if called == action and cloud.requests("CreateTrainingJob") and not seen:
            seen.append(len(cloud.calls))
            interrupt()

    cloud.on_call = once

    with pytest.raises(KeyboardInterrupt):
        train(make_context(), splits)

    assert seen
    assert ["CreateTrainingJob"] == cloud.created
    assert [] == cloud.left()
    assert [{"TrainingJobName": "llmops-run-1-train-llama"}] == cloud.requests("StopTrainingJob")


def test_delete_in_every_state(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """A job that is gone, was never there, has ended or is being stopped is left as it is; from any folder, any process."""
    context = make_context()
    trainer = JumpStartTrainer(OPTIONS)
    trainer.delete(context, Resource("training-job", "never-there"))
    name = train(context, splits).job_name
    for stage, stops in (("Completed", 0), ("Failed", 0), ("Stopping", 0), ("InProgress", 1)):
        cloud.turn("job", name, (stage, ""))
        elsewhere = make_context(folder=Path("/nonexistent/artifact")) if stage == "InProgress" else context
        JumpStartTrainer(OPTIONS).delete(elsewhere, Resource("training-job", name))
        assert stops == len(cloud.requests("StopTrainingJob"))


# -- faults -------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 makes each request once, so that tests need not wait for its own retries."""
    monkeypatch.setattr(aws_module, "_CALLS", aws_module._CALLS.merge(Config(retries={"total_max_attempts": 1})))


@pytest.mark.usefixtures("impatient")
def test_a_throttling_storm_is_sat_out(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """Looks at a job that fail in passing are made again, and the job goes on."""
    cloud.faults["DescribeTrainingJob"] = [
        None,
        *[(400, "ThrottlingException", "Rate exceeded")] * 5,
        (500, "InternalFailure", "oops"),
    ]

    assert train(make_context(), splits).job_name

    assert 9 == len(cloud.requests("DescribeTrainingJob")) - 1  # the last one is by `delete`


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredTokenException", "the AWS credentials have expired: renew them, and go on with llmops run --resume"),
        ("AccessDeniedException", "AWS does not allow it: not you; the user or role lacks a permission"),
    ],
)
def test_credentials_that_end_while_it_is_waited_for(
    code: str,
    message: str,
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """One line; the job is not lost: with new credentials the same attempt is found again."""
    context = make_context()
    cloud.faults["DescribeTrainingJob"] = [None, (400, code, "not you"), (400, code, "not you")]

    with pytest.raises(UserError, match=message):
        train(context, splits)

    assert "llmops-run-1-train-llama" == train(context, splits).job_name
    assert 1 == len(cloud.requests("CreateTrainingJob"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "SageMaker needs an execution role, and arn:aws:sts::123456789012:user/moto is none: with_settings"),
        ({"role": "nobody"}, "there is no role 'nobody' in account 123456789012: give the ARN of one"),
        ({"role": ROLE, "bucket": "not-there"}, "there is no bucket 'not-there': make it, or name another"),
        ({"role": ROLE, "profile": "nobody"}, r"the config profile \(nobody\) could not be found: name another"),
    ],
)
def test_what_is_missing_in_the_account(
    settings: dict[str, str],
    message: str,
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """Role, bucket and profile: one line, and nothing is created."""
    with pytest.raises(UserError, match=message):
        JumpStartTrainer(OPTIONS).train(make_context(settings={"sagemaker": settings}), BASE, splits, PROMPT)

    assert [] == cloud.created


def test_a_role_by_its_name(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """Its ARN is looked up."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=policy)["Role"]["Arn"]

    train(make_context(settings={"sagemaker": {"role": "worker"}}), splits)

    assert arn == cloud.requests("CreateTrainingJob")[0]["RoleArn"]


def test_no_credentials_no_region_no_network(
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each has its own line that says what to type."""
    with pytest.raises(UserError, match="SageMaker needs the network, and this run is offline"):
        JumpStartTrainer(OPTIONS).train(make_context(offline=True), BASE, splits, PROMPT)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UserError, match="no AWS region is known: with_settings"):
        JumpStartTrainer(OPTIONS).train(make_context(settings={"sagemaker": {"role": ROLE}}), BASE, splits, PROMPT)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UserError, match="there are no AWS credentials: type 'aws configure'"):
        JumpStartTrainer(OPTIONS).train(make_context(), BASE, splits, PROMPT)
    assert [] == cloud.calls


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("ResourceLimitExceeded", UserError, "ml.g5.12xlarge is 0 Instances; ask for a higher quota"),
        ("AccessDeniedException", UserError, "AWS does not allow it"),
        ("ValidationException", EndpointError, "ml.g5.12xlarge is 0 Instances"),
    ],
)
def test_a_job_that_aws_refuses(
    code: str,
    kind: type[Exception],
    message: str,
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """Quota, permission, request: AWS's words and what to do; the next attempt has the same name, which is still free."""
    context = make_context()
    cloud.faults["CreateTrainingJob"] = [(400, code, "The limit for ml.g5.12xlarge is 0 Instances")]

    with pytest.raises(kind, match=message):
        train(context, splits)

    assert "llmops-run-1-train-llama" == train(context, splits).job_name
