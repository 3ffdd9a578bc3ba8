"""The graph of a pipeline, and what the SageMaker SDK makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.settings import SageMakerSettings
from llmops_plugins.sagemaker.pipeline.compile import compile_plan, graph_of
from llmops_plugins.sagemaker.pipeline.options import SageMakerExecutorOptions
from llmops_plugins.sagemaker.pipeline.submit import Compiled, Place, compile_graph
from llmops_plugins.sagemaker.sdk import loading as sdk
from llmops_sdk import Pipeline, Plan, SpecError, UserError
from llmops_sdk.cli.main import main
from llmops_sdk.plugin.registry import Registry

ROLE = "arn:aws:iam::111122223333:role/llmops"
PLACE = Place("bucket", "s3://bucket/llmops/pipelines", "s3://bucket/llmops/plans/hash/plan.json")
SETTINGS = {"role": ROLE, "bucket": "bucket", "region": "eu-west-1", "image_uri": "image:3.11"}
_STEPS = SageMakerExecutorOptions()


def echo_pipeline(models: int = 2, **executor: Any) -> Pipeline:
    """Every second model is fine-tuned."""
    made = Pipeline.builder("summaries").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    made = made.with_settings("sagemaker", **SETTINGS).with_executor("sagemaker", **executor)
    for number in range(models):
        name = f"m{number}"
        if number % 2:
            made = made.with_model("echo", name=name, fine_tune=False, voice=f"quiet{number}")
        else:
            made = made.with_model("echo", name=name, trainer={"voice": f"quiet{number}"})
    return made


def compiled(plan: Plan, registry: Registry, **changes: Any) -> dict[str, Any]:
    """What the SDK makes of a plan, as JSON."""
    settings = attrs.evolve(SageMakerSettings.from_mapping(SETTINGS), **changes)
    made = compile_graph(Aws(settings), graph_of(plan), plan, registry, PLACE)
    found: dict[str, Any] = made.masked()
    return found


def test_a_plan_becomes_few_nodes(registry: Registry) -> None:
    """Training is a node; so are asking one deployed model, and scoring it; comparing comes after all of them."""
    graph = graph_of(echo_pipeline().build(registry))

    assert [
        ("train-m0-bare-lines", ("train.m0.bare.lines",), ()),
        ("generate-m0-bare-lines", ("generate.m0.bare.lines",), ("train-m0-bare-lines",)),
        ("score-m0-bare-lines", ("score.m0.bare.lines",), ("generate-m0-bare-lines",)),
        ("generate-m1", ("generate.m1",), ()),
        ("score-m1", ("score.m1.bare.lines",), ("generate-m1",)),
        ("compare", ("compare",), ("score-m0-bare-lines", "score-m1")),
    ] == [(node.name, node.steps, node.after) for node in graph.nodes]


def test_the_cells_of_one_deployed_model_are_scored_by_one_node(registry: Registry) -> None:
    """The encoder is loaded once, and what the cells share is computed once."""
    base = Pipeline.builder("base").with_dataset("lines").with_evaluator("echo-score")
    base = base.with_prompt("bare").with_prompt("template", name="twice", prompt="{context} {context}")
    nodes = {
        node.name: node for node in graph_of(base.with_model("echo", name="m1", fine_tune=False).build(registry)).nodes
    }

    assert ("score.m1.bare.lines", "score.m1.twice.lines") == nodes["score-m1"].steps
    assert ("generate-m1",) == nodes["score-m1"].after


def test_the_graph_is_as_it_was(registry: Registry) -> None:
    """The graph as JSON is the one beside this file, but for the plan's hash."""
    plan = echo_pipeline(keep_alive_seconds=300, train_instance_type="ml.c5.18xlarge").build(registry)
    found = {**attrs.asdict(graph_of(plan)), "plan": "(hash)"}

    expected = json.loads((Path(__file__).parent / "graph.json").read_text(encoding="utf-8"))
    assert expected == json.loads(json.dumps(found))


def test_the_same_plan_gives_the_same_graph(registry: Registry) -> None:
    """A container that reads the plan back finds the very nodes that the client had."""
    plan = echo_pipeline(5).build(registry)

    assert graph_of(plan) == graph_of(Plan.from_json(json.loads(json.dumps(plan.json))))


def test_every_step_but_the_prepared_data_is_in_one_node(registry: Registry) -> None:
    """No step of the plan is lost, and none is run twice."""
    plan = echo_pipeline(7).build(registry)
    steps = [step for node in graph_of(plan).nodes for step in node.steps]

    assert sorted(step.name for step in plan.steps if not step.name.startswith("prepare.")) == sorted(steps)


def test_names_are_those_that_sagemaker_takes(registry: Registry) -> None:
    """Long names are cut, and two that become the same are told apart."""
    base = Pipeline.builder("Ünïcode & co").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    names = ["a_b", "a-b", "x" * 300]
    for number, name in enumerate(names):
        base = base.with_model("echo", name=name, fine_tune=False, voice=f"v{number}")
    graph = compile_plan(base.build(registry), SageMakerSettings(), _STEPS)

    assert all(re.fullmatch(r"[A-Za-z0-9](-?[A-Za-z0-9]){0,255}", node.name) for node in graph.nodes)
    assert len(graph.nodes) == len({node.name for node in graph.nodes})
    assert re.fullmatch(r"[a-z0-9-]{1,256}", graph.pipeline)


def test_a_pipeline_without_training_has_no_parameter_for_it(registry: Registry) -> None:
    """Only what somebody can choose is a parameter."""
    base = Pipeline.builder("base").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    plan = base.with_model("echo", fine_tune=False).build(registry)

    names = [item.name for item in graph_of(plan).parameters]
    assert ["GenerateInstanceType", "ScoreInstanceType", "CompareInstanceType"] == names


@pytest.mark.parametrize(
    ("option", "value"),
    [("train_instance_type", "c5.large"), ("keep_alive_seconds", 4000), ("pipeline", "a_b"), ("max_parallel", 0)],
)
def test_wrong_options_are_refused(registry: Registry, option: str, value: Any) -> None:
    """The message names the option."""
    with pytest.raises(SpecError, match=option):
        echo_pipeline(**{option: value}).build(registry)


# -- the SageMaker SDK --------------------------------------------------------------------------


def test_the_sdk_makes_a_definition_of_it_without_aws(registry: Registry) -> None:
    """Names, order, parameters, retries and arguments are in the definition; nothing is asked of AWS."""
    plan = echo_pipeline(keep_alive_seconds=300, train_instance_type="ml.c5.18xlarge").build(registry)
    found = compiled(plan, registry)
    steps = {step["Name"]: step for step in found["Steps"]}
    train = steps["train-m0-bare-lines"]["Arguments"]

    assert {node.name for node in graph_of(plan).nodes} == set(steps)
    assert {"score-m0-bare-lines", "score-m1"} == set(steps["compare"]["DependsOn"])
    assert {"Get": "Parameters.TrainInstanceType"} == train["ResourceConfig"]["InstanceType"]
    assert "ml.c5.18xlarge" == next(p for p in found["Parameters"] if p["Name"] == "TrainInstanceType")["DefaultValue"]
    assert 300 == train["ResourceConfig"]["KeepAlivePeriodInSeconds"]
    assert ["SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"] in [
        policy["ExceptionType"] for policy in steps["compare"]["RetryPolicies"]
    ]
    assert "image:3.11" == train["AlgorithmSpecification"]["TrainingImage"]
    assert ROLE == train["RoleArn"]


def test_the_integrity_key_of_the_sdk_is_not_shown(registry: Registry) -> None:
    """`llmops compile --full` can be pasted into an issue."""
    found = compiled(echo_pipeline().build(registry), registry)
    keys = {
        step["Arguments"]["Environment"].get("REMOTE_FUNCTION_SECRET_KEY", "(not shown)") for step in found["Steps"]
    }

    assert {"(not shown)"} == keys


def test_secrets_of_the_environment_are_not_shown() -> None:
    """Whatever their names have of a secret's; keys of tags and of objects in S3 are none."""
    secrets = ("OPENAI_API_KEY", "HF_TOKEN", "DB_PASSWORD", "GoogleCredentials", "MY_SECRET", "AWS_ACCESS_KEY_ID")
    structure = {"Tags": [{"Key": "team", "Value": "nlp"}], "S3Key": "a", "KmsKeyId": "k", "ApiKeyName": "n"}
    given = {"Arguments": {**structure, "Environment": {**dict.fromkeys(secrets, "canary"), "MINE": "1"}}}
    shown = Compiled(json.dumps(given), {}, ()).masked()

    assert {**structure, "Environment": {**dict.fromkeys(secrets, "(not shown)"), "MINE": "1"}} == shown["Arguments"]


def test_settings_reach_every_job(registry: Registry) -> None:
    """VPC, KMS key and tags."""
    plan = echo_pipeline().with_settings("sagemaker", **SETTINGS, tags={"team": "nlp"}).build(registry)
    found = compiled(plan, registry, subnets=("s-1",), security_groups=("g-1",), kms_key="key")

    for step in found["Steps"]:
        arguments = step["Arguments"]
        assert {"Subnets": ["s-1"], "SecurityGroupIds": ["g-1"]} == arguments["VpcConfig"]
        assert "key" == arguments["OutputDataConfig"]["KmsKeyId"] == arguments["ResourceConfig"]["VolumeKmsKeyId"]
        assert {"Key": "team", "Value": "nlp"} in arguments["Tags"]


def test_the_users_sagemaker_config_is_respected(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment, image and requirements are joined with ours; its working directory is never taken."""
    requirements = tmp_path / "mine.txt"
    requirements.write_text("# mine\ncowsay==6\n", encoding="utf-8")
    remote = {"EnvironmentVariables": {"MINE": "1"}, "ImageUri": "mine:1", "Dependencies": str(requirements)}
    config = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"RemoteFunction": remote}}}}
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(tmp_path / "config.yaml"))
    settings = attrs.evolve(SageMakerSettings.from_mapping(SETTINGS), image_uri="")
    plan = echo_pipeline().build(registry)
    made = compile_graph(Aws(settings), graph_of(plan), plan, registry, PLACE)
    arguments = made.masked()["Steps"][0]["Arguments"]

    assert "1" == arguments["Environment"]["MINE"]
    assert "mine:1" == arguments["AlgorithmSpecification"]["TrainingImage"]
    assert "cowsay==6" == made.requirements[-1]


def test_the_users_sagemaker_config_may_be_named_by_a_relative_path(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the working directory, although another one is shipped."""
    remote = {"EnvironmentVariables": {"MINE": "1"}}
    config = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"RemoteFunction": remote}}}}
    (tmp_path / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", "config.yaml")
    found = compiled(echo_pipeline().build(registry), registry)

    assert {"1"} == {step["Arguments"]["Environment"]["MINE"] for step in found["Steps"]}
    assert tmp_path == Path.cwd()


def test_an_image_is_asked_for_where_sagemaker_has_none(registry: Registry) -> None:
    """The message says which Python and which SDK must be in it."""
    plan = echo_pipeline().build(registry)
    settings = attrs.evolve(SageMakerSettings.from_mapping(SETTINGS), image_uri="")

    with pytest.raises(UserError, match=r"name one with Python 3\.\d+ and sagemaker 2\.\d+"):
        compile_graph(Aws(settings), graph_of(plan), plan, registry, PLACE)


# -- the command line ---------------------------------------------------------------------------


@pytest.fixture(name="specification")
def _specification(tmp_path: Path) -> Path:
    """A pipeline of installed parts."""
    path = tmp_path / "pipeline.yaml"
    text = "name: shown\ndatasets: [sample]\nmodels: [{use: existing-endpoint, endpoint: mine}]\nevaluators: [text-metrics]\n"
    path.write_text(f"{text}settings: {{sagemaker: {json.dumps(SETTINGS)}}}\n", encoding="utf-8")
    return path


def test_the_graph_is_printed(specification: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`llmops compile FILE --on sagemaker`, with options overridden."""
    arguments = ["compile", str(specification), "--on", "sagemaker", "--set", "models.0.name=small"]
    assert 0 == main(arguments)
    found = json.loads(capsys.readouterr().out)

    assert "llmops-shown" == found["pipeline"]
    assert ["generate-small", "score-small", "compare"] == [node["name"] for node in found["nodes"]]


def test_the_whole_definition_is_printed(specification: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--full`: what the SageMaker SDK makes of it."""
    assert 0 == main(["compile", str(specification), "--on", "sagemaker", "--full"])
    found = json.loads(capsys.readouterr().out)

    assert {"generate-existing-endpoint", "score-existing-endpoint", "compare"} == {
        step["Name"] for step in found["Steps"]
    }


def test_the_definition_of_a_rehearsal_is_printed(specification: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the AWS that it would play."""
    assert 0 == main(["compile", str(specification), "--on", "sagemaker-rehearsal", "--full"])
    found = json.loads(capsys.readouterr().out)

    assert {"generate-existing-endpoint", "score-existing-endpoint", "compare"} == {
        step["Name"] for step in found["Steps"]
    }


def test_a_local_pipeline_has_nothing_to_compile(specification: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The user's mistake, with what to type."""
    assert 2 == main(["compile", str(specification)])
    assert "llmops plan" in capsys.readouterr().err


def test_a_local_run_cannot_be_left(specification: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`--detach` is refused before the run is begun."""
    assert 2 == main(["run", str(specification), "--detach", "--store", str(tmp_path / "runs")])
    assert "which cannot be left" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_compiling_checks_no_schema(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK checks its config's schema at each look-up, which is most of the half a minute it needs for twenty steps."""
    from jsonschema.validators import validator_for
    from sagemaker.config.config_schema import SAGEMAKER_PYTHON_SDK_CONFIG_SCHEMA as SCHEMA

    sdk.load()
    checked: list[object] = []
    monkeypatch.setattr(validator_for(SCHEMA), "check_schema", lambda schema, **_: checked.append(schema))
    plan = echo_pipeline().build(registry)

    assert len(compiled(plan, registry)["Steps"]) > len(plan.cells)
    assert [] == checked
