"""Training a JumpStart model: what `build()` refuses, the requests, and what can be missing in an account."""

from __future__ import annotations

import json
import logging
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import boto3

from llmops_plugins.sagemaker.jumpstart.options import JumpStartTrainingOptions
from llmops_plugins.sagemaker.jumpstart.trainer import JumpStartTrainer
from llmops_plugins.sagemaker.names import JUMPSTART_ARTIFACT
from llmops_sdk import Pipeline, SpecError, UserError
from llmops_sdk.plugin import DatasetSplits
from llmops_sdk.plugin.registry import Registry

from ..fixtures import BUCKET, MODEL_ID, ROLE, SETTINGS, Cloud, Edit
from ..training import BASE, JOB, OPTIONS, PROMPT, MakeContext, train

pytestmark = pytest.mark.usefixtures("jumpstart")

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
        (pipeline("llama-2-7b"), "it is under Meta's Llama 2 licence: read it, and set accept_eula=True"),
        (pipeline(accept_eula=False), f"JumpStart's '{MODEL_ID}' is gated: read its licence"),
        (pipeline(accept_eula=False, fine_tune=False), f"JumpStart's '{MODEL_ID}' is gated: read its licence"),
        (pipeline(model_id="meta-textgeneration-lama-2-7b"), f"in us-east-1; did you mean '{MODEL_ID}'?"),
        (pipeline(version="3.*"), "has no version '3.*'; available: 2.0.4, 4.0.0"),
        (pipeline(version="latest"), "'version' must match regex"),
        (pipeline(version="2.*"), "the training code of JumpStart's 'meta-textgeneration-llama-2-7b' 2.0.4 is known to"),
        (tuned(epocs="1"), "hyperparameters of meta-textgeneration-llama-2-7b 4.0.0: there is no 'epocs'; did you mean 'epoch'?"),
        (tuned(epoch="0"), "'epoch' must be at least 1, not '0'"),
        (tuned(epoch=1001, learning_rate=2), "'epoch' must be at most 1000, not '1001'; 'learning_rate' must be at most 1, not '2'"),
        (tuned(epoch="1.5"), "'epoch' must be a whole number, not '1.5'"),
        (tuned(learning_rate="fast"), "'learning_rate' must be a number, not 'fast'"),
        (tuned(int8_quantization="yes"), "'int8_quantization' must be one of True, False, not 'yes'"),
        (tuned(epoch=[1]), "hyperparameter 'epoch' must be text, a number, or True or False, not [1]"),
        (tuned(instruction_tuned="False"), "does instruction tuning: leave out instruction_tuned, or set it to 'True'"),
        (tuned(chat_dataset=True), "trains on instructions, not on dialogues"),
        (pipeline(trainer={"spot": True}), "spot needs max_run, and a max_wait of at least max_run"),
        (pipeline(trainer={"spot": True, "max_run": 9, "max_wait": 8}), "spot needs max_run, and a max_wait"),
        (pipeline(trainer={"max_wait": 8}), "max_wait is for spot instances"),
        (pipeline().with_prompt("plain"), "and prompt 'plain' has response_key '': use 'alpaca'"),
        (pipeline().with_prompt("alpaca").with_prompt("chat"), "and prompt 'chat' has chat messages: use 'alpaca'"),
        (pipeline(deployer="existing-endpoint"), "serves sagemaker-endpoint models, and this one has the format 'jumpstart-artifact'"),
    ],
)  # fmt: skip
def test_build_refuses_models_that_cannot_be_trained(
    wrong: Pipeline, message: str, registry: Registry, cloud: Cloud
) -> None:
    """The error is one line, before anything is read or created."""
    with pytest.raises(SpecError) as found:
        wrong.build(registry)

    assert message in str(found.value)
    assert "\n" not in str(found.value)
    assert [] == cloud.created


def test_models_that_cannot_be_trained_or_are_too_new(jumpstart: Edit, registry: Registry) -> None:
    """One without training, one without instruction tuning, and one that needs a newer SDK."""
    jumpstart("5.0.0", training_supported=False)
    jumpstart("6.0.0", hyperparameters=[])
    jumpstart("7.0.0", min_version="2.999.0")

    with pytest.raises(SpecError, match=r"cannot fine-tune '.*' 5\.0\.0: set fine_tune=False"):
        pipeline(version="5.*").build(registry)
    pipeline(version="5.*", fine_tune=False).build(registry)
    with pytest.raises(SpecError, match=r"6\.0\.0 does not support instruction tuning"):
        pipeline(version="6.*").build(registry)
    with pytest.raises(SpecError, match=r"'7\.\*' needs sagemaker 2\.999\.0 or newer; .* is installed"):
        pipeline(version="7.*").build(registry)
    with pytest.raises(
        SpecError, match=r"6\.0\.0 does not support instruction tuning"
    ):  # the newest that this SDK can use
        pipeline(version="*").build(registry)


def test_without_aws_the_model_is_checked_later(
    cloud: Cloud, registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A laptop without a network can still plan; the check is made before the job is created."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")

    with caplog.at_level(logging.WARNING, "llmops.sagemaker"):
        tuned(epocs="1").build(registry)

    told = f"model '{MODEL_ID}' cannot be checked now; it is checked before anything is created: "
    assert 1 == caplog.text.count(told), "trainer and deployer say the same"
    assert "AWS cannot be reached" in caplog.text
    assert [] == cloud.calls


def test_an_offline_run_and_a_rehearsal_send_no_request(
    cloud: Cloud, registry: Registry, jumpstart: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelt hyperparameter is found only when JumpStart can be asked."""
    del jumpstart
    with pytest.raises(SpecError, match="there is no 'epocs'"):
        tuned(epocs="1").build(registry)
    before = len(cloud.calls)
    tuned(epocs="1").build(registry, offline=True)
    tuned(epocs="1").with_executor("sagemaker-rehearsal").build(registry)

    assert before == len(cloud.calls)
    assert "" == caplog.text


def test_an_offline_run_cannot_use_a_store_in_s3(registry: Registry) -> None:
    """The error says what to do."""
    with pytest.raises(
        SpecError, match="'s3://bucket/x' needs the network, but this run is offline: keep it in a folder"
    ):
        tuned().run(store="s3://bucket/x", offline=True, registry=registry)


def test_the_catalogue_is_read_from_jumpstarts_bucket(
    tmp_path: Path,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """List and specification come from the bucket of the region by default."""
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
    """Spot instances with both limits, the instance type, compression, and the user's tags."""
    options = JumpStartTrainingOptions(
        spot=True,
        max_run=600,
        max_wait=900,
        instance_type="ml.g5.24xlarge",
        volume_size=77,
        disable_output_compression=False,
        poll_seconds=0.01,
    )

    trained = train(make_context(settings={**SETTINGS, "tags": {"team": "nlp"}}), splits, options)

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
        trained.metadata[name] for name in ("spot", "compression", "instance_type")
    )


def test_a_job_trains_a_model(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """Data and template are in S3 as in the article, and the model has the metadata of its job."""
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
    assert (JUMPSTART_ARTIFACT, JOB) == (trained.format, trained.job_name)
    assert f"s3://{BUCKET}/llmops/training/{trained.job_name}/output/model/" == trained.uri
    assert ("4.0.0", "NONE", "ml.g5.12xlarge") == (
        trained.base.version,
        trained.metadata["compression"],
        trained.metadata["instance_type"],
    )
    assert JumpStartTrainer(OPTIONS).fingerprint(context, BASE) == "4.0.0"
    assert [] == cloud.requests("StopTrainingJob")


def test_data_is_uploaded_once(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """The same data has the same location for every model."""
    for model in ("one", "two"):
        train(make_context(folder=splits.train.path.parents[1] / model), splits)

    uris = {
        request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
        for request in cloud.requests("CreateTrainingJob")
    }
    assert 1 == len(uris)
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="llmops/data/")["Contents"]
    assert 3 == len(listed)


# -- the account --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "SageMaker needs an execution role, and arn:aws:sts::123456789012:user/moto is not a role: with_settings"),
        ({"role": "nobody"}, "there is no role 'nobody' in account 123456789012: set the ARN of an existing one"),
        ({"role": ROLE, "bucket": "not-there"}, "there is no bucket 'not-there': create it, or set another one"),
        ({"role": ROLE, "profile": "nobody"}, r"the config profile \(nobody\) could not be found: set another one"),
    ],
)
def test_a_missing_role_bucket_or_profile_is_an_error(
    settings: dict[str, str],
    message: str,
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
) -> None:
    """The error is one line, and nothing is created."""
    with pytest.raises(UserError, match=message):
        JumpStartTrainer(OPTIONS).train(make_context(settings=settings), BASE, splits, PROMPT)

    assert [] == cloud.created


def test_a_role_can_be_set_by_name(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """Its ARN is looked up."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=policy)["Role"]["Arn"]

    train(make_context(settings={"role": "worker"}), splits)

    assert arn == cloud.requests("CreateTrainingJob")[0]["RoleArn"]


def test_missing_credentials_region_or_network_are_errors(
    cloud: Cloud,
    splits: DatasetSplits,
    make_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each error says what to do."""
    with pytest.raises(UserError, match="SageMaker needs the network, but this run is offline"):
        JumpStartTrainer(OPTIONS).train(make_context(offline=True), BASE, splits, PROMPT)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UserError, match="no AWS region is set: with_settings"):
        JumpStartTrainer(OPTIONS).train(make_context(settings={"role": ROLE}), BASE, splits, PROMPT)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UserError, match="there are no AWS credentials: run 'aws configure'"):
        JumpStartTrainer(OPTIONS).train(make_context(), BASE, splits, PROMPT)
    assert [] == cloud.calls
