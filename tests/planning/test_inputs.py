"""What a run without a network reads: found on this machine, or named before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Progress, UserError
from llmops_sdk.planning.inputs import input_checks
from llmops_sdk.planning.preflight import require, run_check
from llmops_sdk.plugin import Asset, FolderSource
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore


def _pipeline() -> Pipeline:
    made = Pipeline.builder("inputs").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    return made.with_model("echo", name="m", fine_tune=False)


@pytest.fixture(name="uncached")
def _uncached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline whose evaluator reads an encoder of the hub that the cache lacks."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    encoder: dict[str, Any] = {"metrics": ["bertscore"], "bertscore_model": "roberta-large-mnli"}
    made = Pipeline.builder("far").with_dataset("lines").with_prompt("bare").with_model("echo")
    return made.with_evaluator("echo-score").with_evaluator("summarization-accuracy", **encoder)


def test_an_input_that_is_not_cached_is_an_error_without_a_network(
    uncached: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    """Datasets, models and evaluators are checked, and nothing is fetched."""
    far = uncached.with_dataset("dolly").with_model("huggingface", weights="us/tiny", fine_tune=False)
    findings = {
        check.name: run_check(check)
        for check in input_checks(far.build(registry, offline=True), registry, tmp_path / "home")
    }

    assert {
        "dataset 'lines'": "ok",
        "dataset 'dolly'": "error",
        "model 'echo'": "ok",
        "model 'tiny'": "error",
        "evaluator 'echo-score'": "ok",
        "evaluator 'summarization-accuracy'": "error",
    } == {name: finding.status for name, finding in findings.items()}
    assert (
        "'roberta-large-mnli' is not in the Hugging Face cache" in findings["evaluator 'summarization-accuracy'"].text
    )
    with pytest.raises(
        UserError,
        match=r"^nothing was started: evaluator 'summarization-accuracy': .* is not in the Hugging Face cache",
    ):
        require(input_checks(uncached.build(registry, offline=True), registry, tmp_path / "home"), Progress())
    assert not (tmp_path / "home").exists()


def test_an_offline_run_that_lacks_an_input_does_not_start(
    uncached: Pipeline, registry: Registry, home: Path, asked: list[str]
) -> None:
    """It does not fail after training: there is no run, and no endpoint was asked."""
    store = MemoryStore()
    with pytest.raises(
        UserError,
        match=r"^nothing was started: evaluator 'summarization-accuracy': .* is not in the Hugging Face cache",
    ):
        uncached.run(store=store, offline=True, registry=registry, progress=Progress())

    assert [] == list(store.list(""))
    assert [] == asked
    assert not (home / "assets").exists()


def test_inputs_that_are_here_pass_without_a_network(registry: Registry, tmp_path: Path) -> None:
    """Files, components that read nothing, and assets of the plan, which the run fetches before its first step."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "a", "response": "A"}\n', encoding="utf-8")
    plan = _pipeline().with_dataset("jsonl", path=str(rows)).with_evaluator("toxicity").build(registry, offline=True)
    findings = {check.name: run_check(check) for check in input_checks(plan, registry, tmp_path / "home")}

    assert {"ok"} == {finding.status for finding in findings.values()}
    assert findings["dataset 'rows'"].text.startswith("version ")
    assert "needs nothing more" == findings["model 'm'"].text
    assert "its version is known once the asset 'detoxify' is here" == findings["evaluator 'toxicity'"].text
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("needs_network", "status"), [(False, "ok"), (True, "error")])
def test_an_asset_that_the_plan_does_not_name_must_be_available(
    *, needs_network: bool, status: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step may still fetch it from this machine, but not from a network."""
    source = FolderSource("the disk", (tmp_path,), {"words.txt": "words.txt"})
    object.__setattr__(source, "needs_network", needs_network)
    words = Asset("words", "a list of words", 5, {"words.txt": ""}, (source,))
    monkeypatch.setattr(Registry, "asset", lambda _self, _name: words)
    monkeypatch.setattr("llmops_sdk.testing.EchoScore.fingerprint", lambda _self, context: str(context.asset("words")))
    plan = (
        Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_model("echo").with_evaluator("echo-score")
    )
    *_, evaluator = input_checks(plan.build(registry, offline=True), registry, tmp_path / "home")

    assert status == run_check(evaluator).status


def test_models_are_not_checked_if_their_services_are_emulated(registry: Registry, tmp_path: Path) -> None:
    """Datasets and evaluators still are."""
    plan = _pipeline().with_executor("sagemaker-rehearsal").build(registry, offline=True)

    assert ["dataset 'lines'", "evaluator 'echo-score'"] == [
        check.name for check in input_checks(plan, registry, tmp_path)
    ]
