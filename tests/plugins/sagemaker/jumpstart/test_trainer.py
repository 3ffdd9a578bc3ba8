"""Training a JumpStart model: the data, the request, and the trained model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import attrs
import boto3

from llmops_plugins.sagemaker.jumpstart.options import JumpStartTrainingOptions
from llmops_plugins.sagemaker.jumpstart.trainer import JumpStartTrainer
from llmops_plugins.sagemaker.names import JUMPSTART_ARTIFACT
from llmops_sdk import Progress, UserError
from llmops_sdk.plugin import DatasetSplits

from ..fixtures import BUCKET, SETTINGS, Account, Cloud
from ..training import BASE, JOB, OPTIONS, PROMPT, MakeContext, train

pytestmark = pytest.mark.usefixtures("jumpstart")


class ListedProgress(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def log(self, text: str) -> None:
        self.texts.append(text)


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


SPOT = JumpStartTrainingOptions(spot=True, max_run=600, max_wait=900, poll_seconds=0.01)


def test_a_spot_job_has_a_folder_for_checkpoints_and_reports_its_saving(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext, account: Account
) -> None:
    """The folder is below the run's prefix; AWS's two times are in the output and in the model's metrics."""

    def answer(action: str) -> None:
        jobs: Iterable[Any] = account.backend.training_jobs.values()
        for job in jobs if action == "DescribeTrainingJob" else ():
            job.training_time_in_seconds, job.billable_time_in_seconds = 1000, 310

    cloud.on_call = answer
    progress = ListedProgress()
    trained = train(make_context(progress=progress), splits, SPOT)

    (request,) = cloud.requests("CreateTrainingJob")
    assert {"S3Uri": f"s3://{BUCKET}/llmops/checkpoints/{JOB}"} == request["CheckpointConfig"]
    assert {"training_seconds": 1000.0, "billable_seconds": 310.0, "spot_saving_percent": 69.0}.items() <= dict(
        trained.metrics
    ).items()
    assert (
        f"train.llama: training job '{JOB}': trained for 1000 s, billed for 310 s: spot instances saved 69 %"
        in progress.texts
    )


def test_checkpoints_can_be_left_out_and_jobs_on_demand_have_none(
    cloud: Cloud, splits: DatasetSplits, make_context: MakeContext
) -> None:
    """Nor do they report a saving."""
    trained = train(make_context(), splits)
    train(make_context(folder=make_context().folder.with_name("other")), splits, attrs.evolve(SPOT, checkpoints=False))

    assert [True, True] == ["CheckpointConfig" not in request for request in cloud.requests("CreateTrainingJob")]
    assert "spot_saving_percent" not in trained.metrics


def test_a_warm_pool_is_kept_on_request_only(cloud: Cloud, splits: DatasetSplits, make_context: MakeContext) -> None:
    """It is off by default, and its cost is in the output."""
    progress = ListedProgress()
    train(make_context(progress=progress), splits, attrs.evolve(OPTIONS, warm_pool=600))
    train(make_context(folder=make_context().folder.with_name("other")), splits)

    kept = [
        request["ResourceConfig"].get("KeepAlivePeriodInSeconds") for request in cloud.requests("CreateTrainingJob")
    ]
    assert [600, None] == kept
    assert "its instances are kept and billed for up to 600 s more (warm_pool)" in progress.texts[-1]


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


def test_an_offline_run_cannot_train(make_context: MakeContext, splits: DatasetSplits, cloud: Cloud) -> None:
    """The error shows how to run it."""
    with pytest.raises(UserError, match="SageMaker needs the network, but this run is offline: run it without"):
        JumpStartTrainer(OPTIONS).train(make_context(offline=True), BASE, splits, PROMPT)
    assert [] == cloud.calls
