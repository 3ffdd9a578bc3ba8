"""Compiling a graph with the SageMaker SDK: the definition, and the pickles of its steps."""

from __future__ import annotations

import json
import pickle
import pickletools
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.pipeline import compile as compiling
from llmops_plugins.sagemaker.pipeline.compile import Compiled, compile_graph
from llmops_plugins.sagemaker.pipeline.graph import graph_of
from llmops_plugins.sagemaker.pipeline.shipping import Shipment
from llmops_plugins.sagemaker.sdk.installed import line, version
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Plan, SpecError
from llmops_sdk.cli.main import main
from llmops_sdk.plugin import Context, Evaluator, EvaluatorCard, Generation, Metric, RecordScore, Scored, hookimpl
from llmops_sdk.plugin.registry import Registry

from .pipelines import PLACE, ROLE, SETTINGS, echo_pipeline

pytestmark = pytest.mark.sdk


def compiled(plan: Plan, registry: Registry, **changes: Any) -> dict[str, Any]:
    """Compile a plan, and return the definition with masked secrets."""
    settings = attrs.evolve(SageMakerSettings.from_mapping(SETTINGS), **changes)
    compiled_graph = compile_graph(Aws(settings), graph_of(plan), plan, registry, PLACE)
    definition: dict[str, Any] = compiled_graph.masked()
    return definition


def test_compiling_needs_no_aws(registry: Registry) -> None:
    """Names, order, parameters, retries and arguments are in the definition; no request is sent."""
    plan = echo_pipeline(keep_alive_seconds=300, train_instance_type="ml.c5.18xlarge").build(registry)
    definition = compiled(plan, registry)
    steps = {step["Name"]: step for step in definition["Steps"]}
    train = steps["train-m0-bare-lines"]["Arguments"]

    assert {node.name for node in graph_of(plan).nodes} == set(steps)
    assert {"score-m0-bare-lines", "score-m1"} == set(steps["compare"]["DependsOn"])
    assert {"Get": "Parameters.TrainInstanceType"} == train["ResourceConfig"]["InstanceType"]
    assert (
        "ml.c5.18xlarge"
        == next(p for p in definition["Parameters"] if p["Name"] == "TrainInstanceType")["DefaultValue"]
    )
    assert 300 == train["ResourceConfig"]["KeepAlivePeriodInSeconds"]
    assert ["SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"] in [
        policy["ExceptionType"] for policy in steps["compare"]["RetryPolicies"]
    ]
    assert "image:3.11" == train["AlgorithmSpecification"]["TrainingImage"]
    assert ROLE == train["RoleArn"]


def test_each_seed_has_nodes_of_its_own(registry: Registry) -> None:
    """The trainings of a recipe run beside each other; the comparison waits for the scores of all."""
    plan = echo_pipeline(1).with_model("echo", name="tuned", seeds=[1, 2]).build(registry)
    steps = {step["Name"]: step for step in compiled(plan, registry)["Steps"]}

    for seed in (1, 2):
        assert not steps[f"train-tuned-bare-lines-seed{seed}"].get("DependsOn")
        assert [f"train-tuned-bare-lines-seed{seed}"] == steps[f"generate-tuned-bare-lines-seed{seed}"]["DependsOn"]
    scores = {f"score-tuned-bare-lines-seed{seed}" for seed in (1, 2)}
    assert scores < set(steps["compare"]["DependsOn"])


def test_the_integrity_key_of_the_sdk_is_masked(registry: Registry) -> None:
    """The output of `llmops compile --full` can be posted in an issue."""
    definition = compiled(echo_pipeline().build(registry), registry)
    keys = {
        step["Arguments"]["Environment"].get("REMOTE_FUNCTION_SECRET_KEY", "(not shown)")
        for step in definition["Steps"]
    }

    assert {"(not shown)"} == keys


def test_secrets_of_the_environment_are_masked() -> None:
    """Variables are masked by words in their names; keys of tags and of S3 objects are not."""
    secrets = ("OPENAI_API_KEY", "HF_TOKEN", "DB_PASSWORD", "GoogleCredentials", "MY_SECRET", "AWS_ACCESS_KEY_ID")
    structure = {"Tags": [{"Key": "team", "Value": "nlp"}], "S3Key": "a", "KmsKeyId": "k", "ApiKeyName": "n"}
    definition = {"Arguments": {**structure, "Environment": {**dict.fromkeys(secrets, "canary"), "MINE": "1"}}}
    shown = Compiled(json.dumps(definition), {}, ()).masked()

    assert {**structure, "Environment": {**dict.fromkeys(secrets, "(not shown)"), "MINE": "1"}} == shown["Arguments"]


def test_every_job_has_the_settings(registry: Registry) -> None:
    """VPC, KMS key and tags."""
    plan = echo_pipeline().with_settings("sagemaker", **SETTINGS, tags={"team": "nlp"}).build(registry)
    definition = compiled(plan, registry, subnets=("s-1",), security_groups=("g-1",), kms_key="key")

    for step in definition["Steps"]:
        arguments = step["Arguments"]
        assert {"Subnets": ["s-1"], "SecurityGroupIds": ["g-1"]} == arguments["VpcConfig"]
        assert "key" == arguments["OutputDataConfig"]["KmsKeyId"] == arguments["ResourceConfig"]["VolumeKmsKeyId"]
        assert {"Key": "team", "Value": "nlp"} in arguments["Tags"]


def test_the_key_of_volumes_is_left_out_for_local_storage(registry: Registry) -> None:
    """By the default instance type of each kind of step; the output of every step keeps its key."""
    plan = echo_pipeline(score_instance_type="ml.g5.xlarge").build(registry)

    for step in compiled(plan, registry, kms_key="key")["Steps"]:
        expected = None if step["Name"].startswith("score-") else "key"
        assert expected == step["Arguments"]["ResourceConfig"].get("VolumeKmsKeyId")
        assert "key" == step["Arguments"]["OutputDataConfig"]["KmsKeyId"]


def test_the_shipped_driver_passes_sigterm_on(registry: Registry) -> None:
    """The driver script of the SDK, as every container runs it."""
    plan = echo_pipeline().build(registry)
    compiled_graph = compile_graph(Aws(SageMakerSettings.from_mapping(SETTINGS)), graph_of(plan), plan, registry, PLACE)

    (script,) = [data.decode() for (_, key), data in compiled_graph.uploads.items() if key.endswith("/job_driver.sh")]
    assert "trap llmops_stop TERM" in script
    assert 5 == script.count("llmops_run ")
    assert 2 == script.count(f'python -c "$llmops_version" {version()}')


def test_an_argument_that_sagemaker_refuses_is_an_error(registry: Registry) -> None:
    """It names the step and the limit; a long prefix of the store makes the address of the files too long."""
    plan = echo_pipeline().build(registry)
    place = attrs.evolve(PLACE, root=f"s3://bucket/{'p' * 250}/plans/hash/ab12")

    with pytest.raises(SpecError, match=r"step 'train-m0-bare-lines' has a container argument of 295 characters"):
        compile_graph(Aws(SageMakerSettings.from_mapping(SETTINGS)), graph_of(plan), plan, registry, place)


def test_the_users_sagemaker_config_is_used(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its variables, image and requirements are added to ours; its working directory is never shipped."""
    requirements = tmp_path / "mine.txt"
    requirements.write_text("# mine\ncowsay==6\n", encoding="utf-8")
    remote = {"EnvironmentVariables": {"MINE": "1"}, "ImageUri": "mine:1", "Dependencies": str(requirements)}
    config = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"RemoteFunction": remote}}}}
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path / "config.yaml"))
    settings = attrs.evolve(SageMakerSettings.from_mapping(SETTINGS), image_uri="")
    plan = echo_pipeline().build(registry)
    compiled_graph = compile_graph(Aws(settings), graph_of(plan), plan, registry, PLACE)
    arguments = compiled_graph.masked()["Steps"][0]["Arguments"]

    assert "1" == arguments["Environment"]["MINE"]
    assert "mine:1" == arguments["AlgorithmSpecification"]["TrainingImage"]
    assert "cowsay==6" == compiled_graph.requirements[-1]


def test_the_users_sagemaker_config_may_have_a_relative_path(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is relative to the user's working directory, although another one is shipped."""
    remote = {"EnvironmentVariables": {"MINE": "1"}}
    config = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"RemoteFunction": remote}}}}
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", "config.yaml")
    definition = compiled(echo_pipeline().build(registry), registry)

    assert {"1"} == {step["Arguments"]["Environment"]["MINE"] for step in definition["Steps"]}
    assert tmp_path == Path.cwd()


# -- the command line ---------------------------------------------------------------------------


@pytest.fixture(name="specification")
def _specification(tmp_path: Path) -> Path:
    """A pipeline of installed plugins only."""
    path = tmp_path / "pipeline.yaml"
    text = "name: shown\ndatasets: [sample]\nmodels: [{use: existing-endpoint, endpoint: mine}]\nevaluators: [text-metrics]\n"
    path.write_text(f"{text}settings: {{sagemaker: {json.dumps(SETTINGS)}}}\n", encoding="utf-8")
    return path


def test_compile_prints_the_graph(specification: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`llmops compile FILE --on sagemaker`, with options overridden."""
    arguments = ["compile", str(specification), "--on", "sagemaker", "--set", "models.0.name=small"]
    assert 0 == main(arguments)
    output = json.loads(capsys.readouterr().out)

    assert "llmops-shown" == output["pipeline"]
    assert ["generate-small", "score-small", "compare"] == [node["name"] for node in output["nodes"]]


def test_compile_full_prints_the_definition(specification: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--full` prints the output of the SageMaker SDK."""
    assert 0 == main(["compile", str(specification), "--on", "sagemaker", "--full"])
    output = json.loads(capsys.readouterr().out)

    assert {"generate-mine", "score-mine", "compare"} == {step["Name"] for step in output["Steps"]}


def test_compile_full_prints_the_definition_of_a_rehearsal(
    specification: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No emulator is started."""
    assert 0 == main(["compile", str(specification), "--on", "sagemaker-rehearsal", "--full"])
    output = json.loads(capsys.readouterr().out)

    assert {"generate-mine", "score-mine", "compare"} == {step["Name"] for step in output["Steps"]}


def test_a_local_pipeline_cannot_be_compiled(specification: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a user error that names the command to type instead."""
    assert 2 == main(["compile", str(specification)])
    assert "llmops plan" in capsys.readouterr().err


# -- pickles ------------------------------------------------------------------------------------


class LockingEvaluator(Evaluator):
    """Has an attribute that cannot be pickled."""

    lock = threading.Lock()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("one"),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        with self.lock:
            yield from (Scored(generation.index, {"one": 1.0}) for generation in generations)


class LockingPlugin:
    """Offers the evaluator; it is not a module, so it cannot be imported by name either."""

    lock = threading.Lock()

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        return (EvaluatorCard(name="held", summary="", load=f"{__name__}:LockingEvaluator"),)


def texts(data: bytes) -> tuple[str, ...]:
    """Return the texts in a pickle: names of what is imported when it is read, and values."""
    return tuple(str(value) for _, value, _ in pickletools.genops(data) if isinstance(value, str))


def test_no_object_of_a_plugin_is_pickled(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin may have attributes that cannot be pickled: a step imports it by name, and its options are in the plan."""
    registry.add("held", LockingPlugin())
    plan = echo_pipeline().with_evaluator("held").build(registry)
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(LockingPlugin.lock)
    monkeypatch.setattr(compiling, "ship", lambda _plan, _registry, folder, **_: Shipment(folder, ()))

    graph = graph_of(plan)
    compiled_graph = compile_graph(Aws(SageMakerSettings.from_mapping(SETTINGS)), graph, plan, registry, PLACE)

    pickles = [
        (key.removeprefix("llmops/plans/hash/ab12/").split("/"), texts(data))
        for (_, key), data in compiled_graph.uploads.items()
        if key.endswith(".pkl")
    ]
    variable = (
        line().entry_point.replace("invoke_function", "core.pipeline_variables"),
        "_ExecutionVariable",
        "name",
        "PipelineExecutionId",
    )
    assert {(path[-2], path[1]): values for path, values in pickles} == {
        **{("function", node.name): ("llmops_plugins.sagemaker.pipeline.steps", "run_node") for node in graph.nodes},
        **{("arguments", node.name): (PLACE.plan, *variable, node.name) for node in graph.nodes},
    }
