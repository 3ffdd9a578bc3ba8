"""The article's pipeline in a rehearsal: a JumpStart model is fine-tuned, deployed and asked, played by a tiny one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

import llmops_sdk.testing
from llmops_plugins.sagemaker.emulator import executor as rehearsal
from llmops_plugins.sagemaker.emulator.account import ROLE, Choices
from llmops_plugins.sagemaker.emulator.container import download
from llmops_plugins.sagemaker.emulator.metadata import metadata, package_arn
from llmops_sdk import Pipeline, Progress, Result, Run, SpecError
from llmops_sdk.plugin import Runtime
from llmops_sdk.plugin.registry import Registry

MODEL_ID = "meta-textgeneration-llama-2-7b"


@pytest.fixture(name="tiny", scope="module")
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of random weights, a thousand tokens and two layers."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("peft")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder = tmp_path_factory.mktemp("tiny")
    bytewise = Tokenizer(models.BPE())
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bytewise.train_from_iterator(["repeat line response instruction"], trainer)
    tokens = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bytewise,
        bos_token=special[1],
        eos_token=special[2],
        pad_token=special[2],
        unk_token=special[0],
    )
    tokens.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokens), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id, pad_token_id=tokens.pad_token_id,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)
    return folder


@attrs.frozen
class Rehearsed:
    """What the rehearsal left, and what AWS was asked to make."""

    result: Result
    run: Run
    jobs: list[Mapping[str, Any]]
    left: Mapping[str, list[Any]]


@pytest.fixture(name="rehearsed", scope="module")
def _rehearsed(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Rehearsed:
    """The article's model, on a few lines."""
    folder = tmp_path_factory.mktemp("jumpstart")
    found: dict[str, Any] = {}
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)

    class Looked(rehearsal._World):
        def copy_back(self, run: Run, home: Path) -> None:
            client = self.aws.client("sagemaker")
            names = [job["TrainingJobName"] for job in client.list_training_jobs()["TrainingJobSummaries"]]
            found["jobs"] = [client.describe_training_job(TrainingJobName=name) for name in names]
            found["left"] = {
                "endpoints": client.list_endpoints()["Endpoints"],
                "configs": client.list_endpoint_configs()["EndpointConfigs"],
                "models": client.list_models()["Models"],
            }
            super().copy_back(run, home)

    made = (
        Pipeline.builder("article")
        .with_dataset("lines", records=8)
        .with_prompt("alpaca")
        .with_evaluator("echo-score")
        .with_generation(max_new_tokens=4)
        .with_model(
            "llama-2-7b",
            accept_eula=True,
            trainer={"poll_seconds": 0.2, "hyperparameters": {"epoch": "1", "max_input_length": "1024"}},
            deployer={"poll_seconds": 0.2},
        )
        .with_settings("sagemaker", region="us-east-1", role=ROLE)
        .with_executor("sagemaker-rehearsal", stand_in_options={"weights": str(tiny)}, stand_in_steps=2)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal, "_World", Looked)
        patch.setenv("LLMOPS_HOME", str(folder / "home"))
        for name in ("MANIFEST", "SPECS"):  # so that `build()` asks nobody
            patch.setenv(f"AWS_JUMPSTART_{name}_LOCAL_ROOT_DIR_OVERRIDE", str(_files(folder / "js")))
        result = made.run(store=folder / "runs", registry=registry, progress=Progress())
    return Rehearsed(result, result.run, **found)


def _files(folder: Path) -> Path:
    for name, data in metadata({MODEL_ID: "2.*"}, "us-east-1").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.slow
def test_the_articles_pipeline_comes_to_its_end(rehearsed: Rehearsed) -> None:
    """Every record is answered by what the training job left."""
    assert () == rehearsed.result.failures
    (cell,) = rehearsed.result.leaderboards[0].cells
    assert (cell.records, cell.answered) == (4, 4)


@pytest.mark.slow
def test_the_training_job_was_asked_as_aws_is(rehearsed: Rehearsed) -> None:
    """The SDK's own request, with the article's hyperparameters."""
    (job,) = rehearsed.jobs

    assert "Completed" == job["TrainingJobStatus"]
    assert '"1"' == job["HyperParameters"]["epoch"]
    assert '"True"' == job["HyperParameters"]["instruction_tuned"]
    channels = {channel["ChannelName"] for channel in job["InputDataConfig"]}
    assert {"training", "code"} == channels, "the weights of a model package are no channel"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("/output/model/")


@pytest.mark.slow
def test_nothing_is_left_in_the_account(rehearsed: Rehearsed) -> None:
    """Endpoint, configuration and model are deleted by the step that made them, and the ledger says so."""
    assert {"endpoints": [], "configs": [], "models": []} == rehearsed.left
    kinds = {entry.resource.kind for entry in rehearsed.run.ledger() if entry.deleted}
    assert {"training-job", "endpoint", "endpoint-config", "model"} == kinds


@pytest.mark.slow
def test_the_report_names_the_stand_in(rehearsed: Rehearsed) -> None:
    """Nobody can take its answers for those of the model."""
    page = (rehearsed.run.store.get(f"runs/{rehearsed.run.id}/report.html") or b"").decode()

    assert "serve the model &#39;smollm2&#39; on this machine" in page
    assert "minimal one, written for the rehearsal" in page


# -- the account that is played -----------------------------------------------------------------


@pytest.fixture(name="world", scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[rehearsal._World]:
    """An account in a process of its own."""
    plan = Pipeline.builder("x").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    made = plan.with_evaluator("echo-score").build(registry)
    options = registry.make("executor", "sagemaker-rehearsal", {"stand_in_options": {"weights": str(tiny)}}).options
    found = rehearsal._World(made, options, Runtime(registry, tmp_path_factory.mktemp("home")))
    yield found
    found.close()


def make_endpoint(client: Any, name: str, **tags: str) -> None:
    container = {"Image": "i", "ModelDataUrl": "s3://jumpstart-cache-prod-us-east-1/none.tar.gz"}
    client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.g5.2xlarge",
        "InitialInstanceCount": 1,
    }
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    told = [{"Key": f"sagemaker-sdk:jumpstart-model-{key}", "Value": value} for key, value in tags.items()]
    client.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=told)


def wait_for(look: Callable[[], str], *ends: str) -> str:
    import time

    until = time.monotonic() + 120
    while (found := look()) not in ends:
        assert time.monotonic() < until, found
        time.sleep(0.1)
    return found


def test_an_endpoint_takes_its_time_and_cannot_be_deleted_meanwhile(world: rehearsal._World) -> None:
    """Creating, then InService; refused with SageMaker's words before, answered (as a stream too) and deleted after."""
    client, runtime = world.aws.client("sagemaker"), world.aws.client("sagemaker-runtime")
    make_endpoint(client, "one")
    first = client.describe_endpoint(EndpointName="one")["EndpointStatus"]
    with pytest.raises(client.exceptions.ClientError, match="Cannot update in-progress endpoint"):
        client.delete_endpoint(EndpointName="one")
    with pytest.raises(client.exceptions.ClientError, match="not found"):
        runtime.invoke_endpoint(EndpointName="one", Body=b"{}")
    last = wait_for(lambda: client.describe_endpoint(EndpointName="one")["EndpointStatus"], "InService", "Failed")
    body = json.dumps({"inputs": "repeat", "parameters": {"max_new_tokens": 2}}).encode()
    answer = json.load(runtime.invoke_endpoint(EndpointName="one", Body=body, ContentType="application/json")["Body"])
    asked = {"EndpointName": "one", "Body": json.dumps({**json.loads(body), "stream": True}).encode()}
    events = runtime.invoke_endpoint_with_response_stream(**asked)["Body"]
    stream = b"".join(event["PayloadPart"]["Bytes"] for event in events).decode()
    client.delete_endpoint(EndpointName="one")

    assert ("Creating", "InService") == (first, last)
    assert answer[0]["generated_text"] == json.loads(stream.strip().split("data:")[-1])["generated_text"]
    with pytest.raises(client.exceptions.ClientError, match="Could not find endpoint"):
        client.describe_endpoint(EndpointName="one")


def begin_job(world: rehearsal._World, name: str, **changes: Any) -> Any:
    client, s3 = world.aws.client("sagemaker"), world.aws.client("s3")
    bucket = world.aws.bucket
    s3.put_object(Bucket=bucket, Key="d/train.jsonl", Body=b'{"instruction": "a", "response": "b"}\n' * 20)
    s3.put_object(Bucket=bucket, Key="d/template.json", Body=b'{"prompt": "{instruction}", "completion": "{response}"}')
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/d"}
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out", "CompressionType": "NONE"},
        "ResourceConfig": {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    client.create_training_job(**{**request, **changes})
    return client


def test_a_model_package_answers_nobody_without_the_licence(world: rehearsal._World) -> None:
    """As Meta's container of the versions 2.*; the article's pipeline above says it with every request."""
    client, runtime = world.aws.client("sagemaker"), world.aws.client("sagemaker-runtime")
    make_endpoint(client, "package", id=MODEL_ID, version="2.0.0")
    wait_for(lambda: client.describe_endpoint(EndpointName="package")["EndpointStatus"], "InService")
    request = {"EndpointName": "package", "Body": b'{"inputs": "x", "parameters": {"max_new_tokens": 1}}'}

    with pytest.raises(runtime.exceptions.ModelError, match="accept_eula=true"):
        runtime.invoke_endpoint(**request)
    answer = runtime.invoke_endpoint(**request, CustomAttributes="accept_eula=true")
    assert 200 == answer["ResponseMetadata"]["HTTPStatusCode"]
    client.delete_endpoint(EndpointName="package")


def test_a_model_package_is_told_of(world: rehearsal._World) -> None:
    """What the SageMaker SDK asks before it deploys a base model of the versions 2.*; others are unknown to the account."""
    client = world.aws.client("sagemaker")

    found = client.describe_model_package(ModelPackageName=package_arn(MODEL_ID, world.aws.region))

    assert "ProductId" in found["InferenceSpecification"]["Containers"][0]
    with pytest.raises(client.exceptions.ClientError, match="not found"):
        client.describe_model_package(ModelPackageName="other")


def test_a_training_job_can_be_stopped(world: rehearsal._World) -> None:
    """Its states are those of AWS, and it leaves no model."""
    client = begin_job(world, "stopped")
    client.stop_training_job(TrainingJobName="stopped")
    status = wait_for(
        lambda: client.describe_training_job(TrainingJobName="stopped")["TrainingJobStatus"], "Stopped", "Completed"
    )

    assert "Stopped" == status
    with pytest.raises(FileNotFoundError):
        download(world.aws.client("s3"), f"s3://{world.aws.bucket}/out/stopped/", world.folder / "none")


def test_a_job_of_a_gated_model_fails_without_its_licence(world: rehearsal._World) -> None:
    """As the script of the real one does."""
    tags = [{"Key": "sagemaker-sdk:jumpstart-model-id", "Value": MODEL_ID}]
    client = begin_job(world, "gated", Tags=tags)
    wait_for(lambda: client.describe_training_job(TrainingJobName="gated")["TrainingJobStatus"], "Failed", "Completed")
    found = client.describe_training_job(TrainingJobName="gated")

    assert "Failed" == found["TrainingJobStatus"]
    assert "licence is not accepted" in found["FailureReason"]


def test_a_name_is_used_once(world: rehearsal._World) -> None:
    """A second job of one name is refused, as SageMaker does."""
    client = begin_job(world, "once")
    with pytest.raises(client.exceptions.ResourceInUse):
        begin_job(world, "once")
    client.stop_training_job(TrainingJobName="once")


def test_the_played_account_ends_with_this_program(tmp_path: Path, tiny: Path) -> None:
    """Nothing of it listens any more, and its folder is gone."""
    tmp_path = tmp_path / "played"
    tmp_path.mkdir()
    choices = Choices(
        folder=str(tmp_path), python="python", region="eu-west-1", bucket="bucket-eu", role="", steps_at_a_time=1,
        install=False, stand_in="smollm2", stand_in_options={"weights": str(tiny)}, stand_in_steps=1, jumpstart={},
    )  # fmt: skip
    code = (
        "import sys, attrs, json, subprocess\n"
        "child = subprocess.Popen([sys.executable, '-m', 'llmops_plugins.sagemaker.emulator.server', sys.argv[1]],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), flush=True)\n"  # and ends without a word to it
    )
    import subprocess
    import sys

    arguments = [sys.executable, "-c", code, json.dumps(attrs.asdict(choices))]
    url = json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)["url"]

    def is_gone() -> str:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            return "gone"
        return "there"

    assert "gone" == wait_for(is_gone, "gone")
    assert "gone" == wait_for(lambda: "there" if tmp_path.exists() else "gone", "gone")


@pytest.mark.parametrize(
    ("stand_in", "options", "message"),
    [
        ("smolm2", {}, "no model is called 'smolm2'; did you mean 'smollm2'?"),
        ("smollm2", {"wieghts": "x"}, "stand_in 'smollm2' has no option 'wieghts'"),
    ],
)
def test_a_stand_in_that_cannot_play_is_told_before_anything_is_started(
    tmp_path: Path, stand_in: str, options: dict[str, str], message: str
) -> None:
    """In one line; no account is played for it."""
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    made = Pipeline.builder("x").with_dataset("lines").with_prompt("alpaca").with_evaluator("echo-score")
    made = made.with_model("llama-2-7b", accept_eula=True).with_executor(
        "sagemaker-rehearsal", stand_in=stand_in, stand_in_options=options
    )
    with pytest.raises(SpecError, match=re.escape(message)):
        made.run(store=tmp_path / "runs", registry=registry, progress=Progress())
    assert not (tmp_path / "runs" / "runs").exists()
