"""What a pipeline needs at the same time, against quotas that the tests set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws import preflight as preflight_module
from llmops_plugins.sagemaker.aws.preflight import Preflight
from llmops_sdk import Pipeline
from llmops_sdk.cli.main import main
from llmops_sdk.planning.preflight import preflight_checks, run_check
from llmops_sdk.plugin import Finding
from llmops_sdk.plugin.registry import Registry

from ..fixtures import SETTINGS, Edit
from ..jumpstart.pipelines import CONFIGURATIONS

pytestmark = pytest.mark.usefixtures("jumpstart")

TRAINING, ENDPOINT = "ml.g5.12xlarge for training job usage", "ml.g5.2xlarge for endpoint usage"
STEPS = "ml.m5.xlarge for training job usage"


@pytest.fixture(name="quotas")
def _quotas(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The quotas of the account, all of them 1."""
    quotas = {TRAINING: 1.0, ENDPOINT: 1.0, STEPS: 1.0, "ml.m5.large for training job usage": 1.0}
    monkeypatch.setattr(preflight_module.Preflight, "_quotas", lambda _self: quotas)
    return quotas


def four_models(**executor: Any) -> Pipeline:
    pipeline = Pipeline.builder("four").with_dataset("sample").with_prompt("alpaca").with_evaluator("text-metrics")
    pipeline = pipeline.with_settings("sagemaker", **SETTINGS).with_executor("sagemaker", **executor)
    for number in range(4):
        pipeline = pipeline.with_model(
            "llama-2-7b",
            name=f"model-{number}",
            version="4.*",
            accept_eula=True,
            trainer={"hyperparameters": {"epoch": str(number + 1)}},
        )
    return pipeline


def findings(pipeline: Pipeline, registry: Registry) -> dict[str, Finding]:
    checks = preflight_checks(pipeline.build(registry), registry)
    return {
        check.name.removeprefix("quota ").removesuffix(", all steps"): run_check(check)
        for check in checks
        if check.name.endswith("all steps")
    }


def test_models_side_by_side_are_added_up(quotas: dict[str, float], registry: Registry) -> None:
    """They wait for each other, so it is a warning; the hint has the number of steps that fit."""
    found = findings(four_models(), registry)

    assert (
        "4 steps side by side need 4 x ml.g5.2xlarge, and the quota is 1 in us-east-1: they will wait for each other"
        == found[ENDPOINT].text
    )
    assert {"warning"} == {found[name].status for name in (TRAINING, ENDPOINT, STEPS)}
    assert found[ENDPOINT].hint.endswith("; or set max_parallel=1")
    quotas[ENDPOINT] = 4
    assert Finding("ok", "4") == findings(four_models(), registry)[ENDPOINT]


@pytest.mark.usefixtures("quotas")
def test_no_more_than_max_parallel_are_added_up(registry: Registry) -> None:
    """One step at a time waits for nobody."""
    assert "2 x ml.g5.2xlarge" in findings(four_models(max_parallel=2), registry)[ENDPOINT].text
    assert {} == findings(four_models(max_parallel=1), registry)


def test_fine_tuned_weights_count_with_the_instance_of_their_configuration(
    quotas: dict[str, float], jumpstart: Edit, registry: Registry
) -> None:
    """It may be another one than that of the base weights."""
    jumpstart("4.9.0", **CONFIGURATIONS)
    quotas["ml.g5.12xlarge for endpoint usage"] = 1
    found = findings(four_models(), registry)
    assert "4 x ml.g5.12xlarge" in found["ml.g5.12xlarge for endpoint usage"].text
    assert ENDPOINT not in found


def test_a_quota_that_one_step_exceeds_is_an_error(quotas: dict[str, float], registry: Registry) -> None:
    """Of all models: each may need another number."""
    quotas[ENDPOINT] = 2
    pipeline = four_models().with_model(
        "llama-2-7b", version="4.*", accept_eula=True, deployer={"instance_count": 3}, name="large"
    )

    assert ("error", "the quota is 2 in us-east-1; this run needs 3") == (
        (finding := findings(pipeline, registry)[ENDPOINT]).status,
        finding.text,
    )


@pytest.mark.usefixtures("quotas")
def test_plan_shows_what_will_wait(tmp_path: Path, capsys: pytest.CaptureFixture[str], cloud: Any) -> None:
    """It is no mistake: the pipeline runs."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(four_models().to_yaml(), encoding="utf-8")

    main(["plan", str(path)])

    out = " ".join(capsys.readouterr().out.split())
    assert f"warning quota {ENDPOINT}, all steps: 4 steps side by side need 4 x ml.g5.2xlarge" in out
    assert [] == cloud.created


def test_unknown_quotas_and_types_pass(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may not be readable."""
    monkeypatch.setattr(Preflight, "_quotas", lambda _self: {})
    for instance_type in ("", "ml.g5.2xlarge"):
        check = Preflight(aws.settings).shared_quota(instance_type, "endpoint usage", (1, 1))
        assert Finding("ok", "cannot be read: not checked") == run_check(check)
