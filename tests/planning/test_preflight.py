"""What must hold before a run costs anything: who looks at it, and what becomes of what is found."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Run, UserError
from llmops_sdk.cli.console import show_findings
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.planning.preflight import input_checks, preflight_checks, require, run_check
from llmops_sdk.plugin import (
    Asset,
    BaseModel,
    Check,
    DeployerCard,
    DeployerOptions,
    ExecutorCard,
    ExecutorOptions,
    Finding,
    FolderSource,
    hookimpl,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint, MemoryStore

FOUND: dict[str, Finding] = {}
LOOKED: list[str] = []


def _check(name: str) -> Check:
    def make() -> Finding:
        LOOKED.append(name)
        return FOUND.get(name, Finding("ok", "well"))

    return Check(name, make)


@attrs.frozen(kw_only=True)
class GuardedOptions(DeployerOptions):
    """Of a deployer that needs something."""

    def preflight(self, base: BaseModel, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
        assert base.source
        assert not settings
        yield _check("account")
        yield _check("quota")


@attrs.frozen(kw_only=True)
class NoOptions(ExecutorOptions):
    """None."""


class Playing:
    """An executor that is never run here."""


@pytest.fixture(name="plugins")
def _plugins(registry: Registry) -> Iterator[Registry]:
    module = types.ModuleType("guarded_hooks")

    @hookimpl
    def llmops_cards() -> tuple[Any, ...]:
        deployer = DeployerCard(
            name="guarded",
            summary="x",
            load=f"{EchoEndpoint.__module__}:EchoEndpoint",
            options=GuardedOptions,
            accepts=("echo",),
        )
        playing = ExecutorCard(
            name="playing", summary="x", load=f"{__name__}:Playing", options=NoOptions, emulates_services=True
        )
        return deployer, playing

    module.llmops_cards = llmops_cards  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    registry.add("guarded", module)
    FOUND.clear()
    LOOKED.clear()
    yield registry
    del sys.modules[module.__name__]


def pipeline(*names: str) -> Pipeline:
    made = Pipeline.builder("guarded").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    for number, name in enumerate(names or ("m",)):
        made = made.with_model("echo", name=name, fine_tune=False, deployer="guarded", voice=f"v{number}")
    return made


def test_each_check_is_made_once(plugins: Registry) -> None:
    """Two models on the same account need it once."""
    found = preflight_checks(pipeline("a", "b").build(plugins), plugins)

    assert ["account", "quota"] == [check.name for check in found]


def test_a_run_is_refused_before_anything_is_written(plugins: Registry, tmp_path: Path) -> None:
    """With all that is wrong and what mends it, in one line."""
    FOUND.update(
        account=Finding("error", "there is no role", "make one"), quota=Finding("error", "it is 0, and 1 is needed")
    )
    with pytest.raises(UserError) as refused:
        pipeline().run(store=tmp_path / "runs", registry=plugins)

    message = "nothing was started: account: there is no role; make one -- quota: it is 0, and 1 is needed"
    assert message == str(refused.value)
    assert not list(LocalStore(tmp_path / "runs").list(""))


def test_an_executor_that_plays_the_services_needs_none(plugins: Registry) -> None:
    """What its parts would ask is played."""
    assert () == preflight_checks(pipeline().with_executor("playing").build(plugins), plugins)


def test_a_broken_check_is_an_error() -> None:
    """It says which and how."""

    def broken() -> Finding:
        raise ZeroDivisionError

    assert Finding("error", "the check itself failed: ZeroDivisionError: ") == run_check(Check("x", broken))


def test_a_plan_shows_what_is_not_well(plugins: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """And is silent about the rest."""
    FOUND["quota"] = Finding("warning", "only one is left")

    assert not show_findings(preflight_checks(pipeline().build(plugins), plugins), quiet=True)
    out = capsys.readouterr().out
    assert "quota: only one is left" in out
    assert "account" not in out


def test_going_on_is_refused_too(plugins: Registry, tmp_path: Path) -> None:
    """A run that is resumed may begin what costs."""
    run = Run.create(LocalStore(tmp_path / "runs"), pipeline().build(plugins))
    FOUND["account"] = Finding("error", "there is no role")

    with pytest.raises(UserError, match="account: there is no role"):
        resume(run.id, store=tmp_path / "runs", registry=plugins, progress=Progress())


# -- without a network --------------------------------------------------------------------------


@pytest.fixture(name="uncached")
def _uncached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline whose evaluator reads an encoder of the hub, of which the cache has nothing."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    encoder: dict[str, Any] = {"metrics": ["bertscore"], "bertscore_model": "roberta-large-mnli"}
    made = Pipeline.builder("far").with_dataset("lines").with_prompt("bare").with_model("echo")
    return made.with_evaluator("echo-score").with_evaluator("summarization-accuracy", **encoder)


def test_what_is_not_cached_is_told_without_a_network(uncached: Pipeline, registry: Registry, tmp_path: Path) -> None:
    """Dataset, model and evaluator, each by its name; what is well is not told, and nothing is fetched."""
    far = uncached.with_dataset("dolly").with_model("huggingface", weights="us/tiny", fine_tune=False)
    found = {
        check.name: run_check(check)
        for check in input_checks(far.build(registry, offline=True), registry, tmp_path / "home")
    }

    assert {
        "dataset lines": "ok",
        "dataset dolly": "error",
        "model echo": "ok",
        "model huggingface": "error",
        "evaluator echo-score": "ok",
        "evaluator summarization-accuracy": "error",
    } == {name: finding.status for name, finding in found.items()}
    assert "no model 'roberta-large-mnli' in its cache" in found["evaluator summarization-accuracy"].text
    with pytest.raises(UserError, match=r"^nothing was started: evaluator summarization-accuracy: .* in its cache"):
        require(input_checks(uncached.build(registry, offline=True), registry, tmp_path / "home"), Progress())
    assert not (tmp_path / "home").exists()


def test_a_run_offline_is_refused_before_it_begins(
    uncached: Pipeline, registry: Registry, home: Path, asked: list[str]
) -> None:
    """What an evaluator lacks is not found out after training and asking: there is no run, and no endpoint was asked."""
    store = MemoryStore()
    with pytest.raises(UserError, match=r"^nothing was started: evaluator summarization-accuracy: .* in its cache"):
        uncached.run(store=store, offline=True, registry=registry, progress=Progress())

    assert [] == list(store.list(""))
    assert [] == asked
    assert not home.exists()


def test_what_is_here_is_well_without_a_network(plugins: Registry, tmp_path: Path) -> None:
    """Files by their path, parts that read nothing, and assets of the plan, which a run brings before its first step."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "a", "response": "A"}\n', encoding="utf-8")
    plan = pipeline().with_dataset("jsonl", path=str(rows)).with_evaluator("toxicity").build(plugins, offline=True)
    found = {check.name: run_check(check) for check in input_checks(plan, plugins, tmp_path / "home")}

    assert {"ok"} == {finding.status for finding in found.values()}
    assert found["dataset jsonl"].text.startswith("version ")
    assert "needs nothing more" == found["model m"].text
    assert "its version is known once the asset 'detoxify' is here" == found["evaluator toxicity"].text
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("needs_network", "status"), [(False, "ok"), (True, "error")])
def test_an_asset_that_the_plan_does_not_name(
    *, needs_network: bool, status: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step may still take it from this machine, but not from a network."""
    source = FolderSource("the shelf", (tmp_path,), {"words.txt": "words.txt"})
    object.__setattr__(source, "needs_network", needs_network)
    words = Asset("words", "a list of words", 5, {"words.txt": ""}, (source,))
    monkeypatch.setattr(Registry, "asset", lambda _self, _name: words)
    monkeypatch.setattr("llmops_sdk.testing.EchoScore.fingerprint", lambda _self, context: str(context.asset("words")))
    plan = (
        Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_model("echo").with_evaluator("echo-score")
    )
    *_, evaluator = input_checks(plan.build(registry, offline=True), registry, tmp_path / "home")

    assert status == run_check(evaluator).status


def test_models_that_are_played_are_not_looked_for(plugins: Registry, tmp_path: Path) -> None:
    """What serves them is played by the executor; datasets and evaluators are read all the same."""
    plan = pipeline().with_executor("playing").build(plugins, offline=True)

    assert ["dataset lines", "evaluator echo-score"] == [check.name for check in input_checks(plan, plugins, tmp_path)]
