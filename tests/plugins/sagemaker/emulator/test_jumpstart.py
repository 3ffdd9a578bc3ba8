"""Emulated JumpStart: the article's pipeline in a rehearsal, and single jobs and endpoints, with a tiny substitute model."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

import llmops_sdk.testing
from llmops_plugins.sagemaker.emulator import executor as rehearsal
from llmops_plugins.sagemaker.emulator.container import download
from llmops_plugins.sagemaker.emulator.executor import Emulator
from llmops_plugins.sagemaker.emulator.metadata import jumpstart_files, package_arn
from llmops_sdk import Pipeline, Progress, Result, Run, SpecError
from llmops_sdk.plugin import Runtime
from llmops_sdk.plugin.registry import Registry

MODEL_ID = "meta-textgeneration-llama-2-7b"
ROLE = "arn:aws:iam::123456789012:role/llmops-rehearsal"


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
class Rehearsal:
    """The result of a rehearsal, its training jobs, and the resources that are left."""

    result: Result
    run: Run
    jobs: list[Mapping[str, Any]]
    left: Mapping[str, list[Any]]


@pytest.fixture(name="rehearsed", scope="module")
def _rehearsed(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Rehearsal:
    """The rehearsal of the article's model on a few lines."""
    folder = tmp_path_factory.mktemp("jumpstart")
    contents: dict[str, Any] = {}
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)

    class ObservedEmulator(Emulator):
        def copy_out(self, run: Run, home: Path) -> None:
            client = self.aws.client("sagemaker")
            names = [job["TrainingJobName"] for job in client.list_training_jobs()["TrainingJobSummaries"]]
            contents["jobs"] = [client.describe_training_job(TrainingJobName=name) for name in names]
            contents["left"] = {
                "endpoints": client.list_endpoints()["Endpoints"],
                "configs": client.list_endpoint_configs()["EndpointConfigs"],
                "models": client.list_models()["Models"],
            }
            super().copy_out(run, home)

    pipeline = (
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
        .with_executor("sagemaker-rehearsal", substitute_options={"weights": str(tiny)}, substitute_steps=2)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal, "Emulator", ObservedEmulator)
        patch.setenv("LLMOPS_HOME", str(folder / "home"))
        for name in ("MANIFEST", "SPECS"):  # `build()` then sends no request
            patch.setenv(f"AWS_JUMPSTART_{name}_LOCAL_ROOT_DIR_OVERRIDE", str(_files(folder / "js")))
        result = pipeline.run(store=folder / "runs", registry=registry, progress=Progress())
    return Rehearsal(result, result.run, **contents)


def _files(folder: Path) -> Path:
    for name, data in jumpstart_files({MODEL_ID: "2.*"}, "us-east-1").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.slow
def test_the_articles_pipeline_runs_to_its_end(rehearsed: Rehearsal) -> None:
    """The trained model answers every record."""
    assert () == rehearsed.result.failures
    (cell,) = rehearsed.result.leaderboards[0].cells
    assert (cell.records, cell.answered) == (4, 4)


@pytest.mark.slow
def test_the_training_job_has_the_request_of_the_sdk(rehearsed: Rehearsal) -> None:
    """It has the article's hyperparameters, and a training channel."""
    (job,) = rehearsed.jobs

    assert "Completed" == job["TrainingJobStatus"]
    assert '"1"' == job["HyperParameters"]["epoch"]
    assert '"True"' == job["HyperParameters"]["instruction_tuned"]
    channels = {channel["ChannelName"] for channel in job["InputDataConfig"]}
    assert {"training", "code"} == channels, "a model package has no channel for its weights"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("/output/model/")


@pytest.mark.slow
def test_no_resource_is_left_in_the_account(rehearsed: Rehearsal) -> None:
    """Endpoint, configuration and model are deleted by their step, and marked as deleted in the ledger."""
    assert {"endpoints": [], "configs": [], "models": []} == rehearsed.left
    kinds = {entry.resource.kind for entry in rehearsed.run.ledger() if entry.deleted}
    assert {"training-job", "endpoint", "endpoint-config", "model"} == kinds


@pytest.mark.slow
def test_the_report_names_the_substitute(rehearsed: Rehearsal) -> None:
    """Nobody can mistake its answers for those of the JumpStart model."""
    page = (rehearsed.run.read("report.html") or b"").decode()

    assert "serve the model &#39;smollm2&#39; on this machine" in page
    assert "minimal one, invented for the rehearsal" in page


# -- single jobs and endpoints ------------------------------------------------------------------


@pytest.fixture(name="emulator", scope="module")
def _emulator(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Emulator]:
    """An emulated account that knows the article's model."""
    base = Pipeline.builder("x").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    plan = base.with_evaluator("echo-score").build(registry)
    options = registry.make("executor", "sagemaker-rehearsal", {"substitute_options": {"weights": str(tiny)}}).options
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rehearsal, "_jumpstart_models", lambda _: {MODEL_ID: "2.*"})
        emulator = Emulator(plan, options, Runtime(registry, tmp_path_factory.mktemp("home")))
    yield emulator
    emulator.close()


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
    model = [{"Key": f"sagemaker-sdk:jumpstart-model-{key}", "Value": value} for key, value in tags.items()]
    client.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=model)


def wait_for(ask: Callable[[], str], *ends: str) -> str:
    """Ask until one of these answers comes, and return it."""
    until = time.monotonic() + 120
    while (answer := ask()) not in ends:
        assert time.monotonic() < until, answer
        time.sleep(0.1)
    return answer


@pytest.mark.slow
def test_an_endpoint_that_is_being_created_can_neither_answer_nor_be_deleted(emulator: Emulator) -> None:
    """Once in service it answers, with and without a stream, and can be deleted."""
    client, runtime = emulator.aws.client("sagemaker"), emulator.aws.client("sagemaker-runtime")
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


def start_job(emulator: Emulator, name: str, **changes: Any) -> Any:
    client, s3 = emulator.aws.client("sagemaker"), emulator.aws.client("s3")
    bucket = emulator.aws.bucket
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


@pytest.mark.slow
def test_a_model_package_refuses_requests_that_do_not_accept_the_licence(emulator: Emulator) -> None:
    """Meta's containers of versions 2.* do; the article's pipeline above accepts it with every request."""
    client, runtime = emulator.aws.client("sagemaker"), emulator.aws.client("sagemaker-runtime")
    make_endpoint(client, "package", id=MODEL_ID, version="2.0.0")
    wait_for(lambda: client.describe_endpoint(EndpointName="package")["EndpointStatus"], "InService")
    request = {"EndpointName": "package", "Body": b'{"inputs": "x", "parameters": {"max_new_tokens": 1}}'}

    with pytest.raises(runtime.exceptions.ModelError, match="accept_eula=true"):
        runtime.invoke_endpoint(**request)
    answer = runtime.invoke_endpoint(**request, CustomAttributes="accept_eula=true")
    assert 200 == answer["ResponseMetadata"]["HTTPStatusCode"]
    client.delete_endpoint(EndpointName="package")


def test_the_model_package_of_the_plan_exists(emulator: Emulator) -> None:
    """The SageMaker SDK asks for it before it deploys a base model of versions 2.*."""
    client = emulator.aws.client("sagemaker")

    package = client.describe_model_package(ModelPackageName=package_arn(MODEL_ID, emulator.aws.region))

    assert "ProductId" in package["InferenceSpecification"]["Containers"][0]
    with pytest.raises(client.exceptions.ClientError, match="not found"):
        client.describe_model_package(ModelPackageName="other")


def test_a_stopped_training_job_leaves_no_model(emulator: Emulator) -> None:
    """Its states are those of SageMaker."""
    client = start_job(emulator, "stopped")
    client.stop_training_job(TrainingJobName="stopped")
    status = wait_for(
        lambda: client.describe_training_job(TrainingJobName="stopped")["TrainingJobStatus"], "Stopped", "Completed"
    )

    assert "Stopped" == status
    with pytest.raises(FileNotFoundError):
        download(emulator.aws.client("s3"), f"s3://{emulator.aws.bucket}/out/stopped/", emulator.folder / "none")


def test_a_job_of_a_gated_model_fails_without_its_licence(emulator: Emulator) -> None:
    """The script of the real model fails too."""
    tags = [{"Key": "sagemaker-sdk:jumpstart-model-id", "Value": MODEL_ID}]
    client = start_job(emulator, "gated", Tags=tags)
    wait_for(lambda: client.describe_training_job(TrainingJobName="gated")["TrainingJobStatus"], "Failed", "Completed")
    job = client.describe_training_job(TrainingJobName="gated")

    assert "Failed" == job["TrainingJobStatus"]
    assert "licence is not accepted" in job["FailureReason"]


@pytest.mark.parametrize(
    ("substitute", "options", "message"),
    [
        ("smolm2", {}, "no model is called 'smolm2'; did you mean 'smollm2'?"),
        ("smollm2", {"wieghts": "x"}, "substitute 'smollm2' has no option 'wieghts'"),
    ],
)
def test_an_unknown_substitute_or_option_is_refused_before_the_start(
    tmp_path: Path, substitute: str, options: dict[str, str], message: str
) -> None:
    """No emulator is started for it."""
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    pipeline = Pipeline.builder("x").with_dataset("lines").with_prompt("alpaca").with_evaluator("echo-score")
    pipeline = pipeline.with_model("llama-2-7b", accept_eula=True).with_executor(
        "sagemaker-rehearsal", substitute=substitute, substitute_options=options
    )
    with pytest.raises(SpecError, match=re.escape(message)):
        pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress())
    assert not (tmp_path / "runs" / "runs").exists()
