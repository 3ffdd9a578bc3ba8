"""Names, tags and texts that users choose: what reaches SageMaker fits its limits, and what does not is refused before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import boto3

from ...plugins.sagemaker.fixtures import SETTINGS, Cloud
from ...plugins.sagemaker.service_model import violations
from .test_watched_executions import Command, _command, _executions, piped  # noqa: F401 - two are fixtures
from .whole_runs import article, llmops, written

pytestmark = pytest.mark.usefixtures("jumpstart", "home", "runtime")

CASE = "cases/sagemaker-names-tags"


def submitted(cloud: Cloud) -> dict[str, Any]:
    """Return the definition that was sent, after checking it and its request against the limits of the service."""
    (request,) = cloud.requests("CreatePipeline")
    assert [] == violations("CreatePipeline", request)
    assert len(request["PipelineName"]) <= 82
    definition: dict[str, Any] = json.loads(request["PipelineDefinition"])
    for step in definition["Steps"]:
        assert re.fullmatch(r"[A-Za-z0-9\-_]{1,64}", step["Name"])
        assert [] == violations("CreateTrainingJob", step["Arguments"])
    return definition


@pytest.mark.usefixtures("executions")
def test_case_sagemaker_names_tags_names(cloud: Cloud, command: Command, real_data: Callable[[str], Path]) -> None:
    """The pipeline's name is cut to 82 characters, and the steps can be told apart in Studio."""
    ended = command("run", str(real_data(f"{CASE}/names.yaml")), "--detach")

    assert (0, ()) == (ended.code, ended.errors)
    steps = submitted(cloud)["Steps"]
    names, shown = [step["Name"] for step in steps], [step["DisplayName"] for step in steps]
    assert len(steps) == len(set(names)) == len(set(shown))
    assert any(text.startswith("generate this-is-a-rather-long-model-name-for-llama-2-7b") for text in shown)
    assert not any("run_node" in text for text in shown)


def test_case_sagemaker_names_tags_compile(
    real_data: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """`llmops compile` shows the names that SageMaker gets; `--full` has the same."""
    path = str(real_data(f"{CASE}/names.yaml"))

    graph = json.loads(llmops(capsys, "compile", path).output)
    definition = json.loads(llmops(capsys, "compile", path, "--full").output)

    assert 82 == len(graph["pipeline"])
    assert graph["pipeline"].startswith("llmops-c-van-der-berg-summaries-draft-v2")
    names = [(step["Name"], step["DisplayName"]) for step in definition["Steps"]]
    assert [(node["name"], node["display_name"]) for node in graph["nodes"]] == names


@pytest.mark.parametrize("command_name", ["plan", "compile", "run"])
def test_case_sagemaker_names_tags_tags(
    command_name: str, cloud: Cloud, real_data: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A tag that AWS refuses is refused in one line that names it, before anything is sent."""
    ended = llmops(capsys, command_name, str(real_data(f"{CASE}/tags.yaml")))

    assert 2 == ended.code
    (error,) = ended.errors
    assert error.startswith("settings of 'sagemaker': the value of tag 'team' has '&', '(', ')': AWS allows letters")
    assert [] == cloud.calls


@pytest.mark.usefixtures("executions")
def test_long_names_stay_within_the_limits(cloud: Cloud, command: Command, tmp_path: Path) -> None:
    """Models and prompts with the longest names that are allowed, fine-tuned and not, each with steps of its own."""
    base = piped().with_model(
        "llama-2-7b", name=f"{'m' * 99}b", accept_eula=True, version="4.*", trainer={"instance_type": "ml.g5.12xlarge"}
    )
    pipeline = base.with_model("llama-2-7b", name=f"{'m' * 99}c", accept_eula=True, version="4.*", fine_tune=False)

    ended = command("run", written(pipeline, tmp_path), "--detach")

    assert (0, ()) == (ended.code, ended.errors)
    names = [step["Name"] for step in submitted(cloud)["Steps"]]
    assert 8 == len(names) == len(set(names))


@pytest.mark.usefixtures("executions")
def test_steps_on_local_storage_have_no_key_of_volumes(cloud: Cloud, command: Command, tmp_path: Path) -> None:
    """The key stays on steps with EBS volumes, and on what every step writes to S3; the plan has a warning."""
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    options = {"generate_instance_type": "ml.g5.xlarge", "score_instance_type": "ml.m5d.xlarge"}
    pipeline = piped(**options).with_settings("sagemaker", **SETTINGS, image_uri="image:1", kms_key=key)

    ended = command("run", written(pipeline, tmp_path), "--detach")

    assert (0, ()) == (ended.code, ended.errors)
    jobs = {step["Name"]: step["Arguments"] for step in submitted(cloud)["Steps"]}
    keys = {name: job["ResourceConfig"].get("VolumeKmsKeyId") for name, job in jobs.items()}
    assert {"generate-llama-2-7b": None, "score-llama-2-7b": None, "compare": key} == keys
    assert {key} == {job["OutputDataConfig"]["KmsKeyId"] for job in jobs.values()}
    assert "warning: key of the steps' volumes: GenerateInstanceType, ScoreInstanceType: instances with" in ended.output
    assert "CompareInstanceType: with kms_key, SageMaker refuses a type with local storage" in ended.output


def test_a_plan_warns_of_more_steps_than_sagemaker_allows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A quota may be higher, so it is no error; 25 models that are not fine-tuned have 51 steps."""
    pipeline = piped()
    for number in range(24):
        pipeline = pipeline.with_model(
            "llama-2-7b", name=f"m{number}", accept_eula=True, version="4.*", fine_tune=False,
            deployer={"environment": {"NUMBER": str(number)}},
        )  # fmt: skip

    ended = llmops(capsys, "plan", written(pipeline, tmp_path))

    assert "it has 51 steps, and SageMaker allows 50" in " ".join(ended.output.split())


@pytest.mark.parametrize(
    ("where", "options", "message"),
    [
        ("deployer", {"environment": {"MY-VAR": "1"}}, "MY-VAR"),
        ("deployer", {"environment": {"LONG": "x" * 1100}}, "'LONG' has 1100 characters"),
        ("trainer", {"hyperparameters": {"note": "x" * 2501}}, "hyperparameter 'note' has 2501 characters"),
    ],
)
def test_a_plan_refuses_texts_that_sagemaker_refuses(
    where: str,
    options: dict[str, Any],
    message: str,
    cloud: Cloud,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line that names the variable or hyperparameter, before anything is sent."""
    chosen: dict[str, Any] = {where: options}

    ended = llmops(capsys, "plan", written(article(**chosen), tmp_path))

    assert 2 == ended.code
    (error,) = ended.errors
    assert message in error
    assert "xxx" not in error
    assert [] == cloud.created


def test_a_variable_of_the_sagemaker_config_that_a_job_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable and the limit, and never the value."""
    remote = {"EnvironmentVariables": {"LONG": "x" * 513}}
    config = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"RemoteFunction": remote}}}}
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path / "config.yaml"))

    ended = llmops(capsys, "compile", written(piped(), tmp_path), "--full")

    assert 2 == ended.code
    (error,) = ended.errors
    assert error.startswith(
        "SageMaker config: SageMaker.PythonSDK.Modules.RemoteFunction.EnvironmentVariables.LONG is not"
    )
    assert error.endswith("requires maxLength 512")
