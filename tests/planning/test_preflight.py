"""Preflight: the checks of a plan, and what happens with their findings."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Run, UserError
from llmops_sdk.assets.asset import get_asset
from llmops_sdk.cli.output.findings import show_findings
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.planning.preflight import machine_checks, preflight_checks, run_check, scoring_checks
from llmops_sdk.plugin import (
    Asset,
    BaseModel,
    Check,
    DeployerCard,
    DeployerOptions,
    EvaluatorCard,
    EvaluatorOptions,
    ExecutorCard,
    Finding,
    FolderSource,
    Metric,
    hookimpl,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint, EchoScore

FINDINGS: dict[str, Finding] = {}


def _check(name: str) -> Check:
    return Check(name, lambda: FINDINGS.get(name, Finding("ok", "fine")))


@attrs.frozen(kw_only=True)
class CheckedOptions(DeployerOptions):
    """The options of a deployer that needs an account and a quota."""

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterator[Check]:
        assert base.source
        assert not settings
        yield _check("account")
        yield _check("quota")


@attrs.frozen(kw_only=True)
class CheckedEvaluatorOptions(EvaluatorOptions):
    """The options of an evaluator that needs a tool, and an asset that a run does not fetch."""

    def assets(self) -> tuple[str, ...]:
        return ("tool-box",)

    def local_checks(self) -> Iterator[Check]:
        yield _check("tool")


class CheckedEvaluator(EchoScore):
    """An evaluator that is never run here."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("checked"),)


class Emulating:
    """An executor that is never run here."""

    remote = False


class Remote(Emulating):
    """An executor whose steps run on other machines; it is never run here."""

    remote = True

    def __init__(self, _options: Any) -> None:
        """Take no option."""


@pytest.fixture(name="plugins")
def _plugins(registry: Registry) -> Iterator[Registry]:
    module = types.ModuleType("checked_hooks")

    @hookimpl
    def llmops_cards() -> tuple[Any, ...]:
        deployer = DeployerCard(
            name="checked",
            summary="x",
            load=f"{EchoEndpoint.__module__}:EchoEndpoint",
            options=CheckedOptions,
            accepts=("echo",),
        )
        emulating = ExecutorCard(name="emulating", summary="x", load=f"{__name__}:Emulating", emulates_services=True)
        remote = ExecutorCard(name="remote", summary="x", load=f"{__name__}:Remote")
        evaluator = EvaluatorCard(
            name="checked",
            summary="x",
            load=f"{__name__}:CheckedEvaluator",
            options=CheckedEvaluatorOptions,
        )
        return deployer, emulating, remote, evaluator

    @hookimpl
    def llmops_assets() -> tuple[Asset, ...]:
        folder = FolderSource("a folder", (Path(__file__).parent,), {"tool": Path(__file__).name})
        return (Asset("tool-box", "x", 1, files={"tool": ""}, sources=(folder,), on_request=True),)

    module.llmops_cards = llmops_cards  # type: ignore[attr-defined]
    module.llmops_assets = llmops_assets  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    registry.add("checked", module)
    FINDINGS.clear()
    yield registry
    del sys.modules[module.__name__]


def pipeline(*names: str) -> Pipeline:
    made = Pipeline.builder("checked").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    for number, name in enumerate(names or ("m",)):
        made = made.with_model("echo", name=name, fine_tune=False, deployer="checked", voice=f"v{number}")
    return made


def test_each_check_is_run_once(plugins: Registry) -> None:
    """Two models on the same account have one check of it."""
    checks = preflight_checks(pipeline("a", "b").build(plugins), plugins)

    assert ["account", "quota"] == [check.name for check in checks]


def test_a_run_is_refused_before_anything_is_written(plugins: Registry, tmp_path: Path) -> None:
    """The message has every error and how to fix it, in one line."""
    FINDINGS.update(
        account=Finding("error", "there is no role", "make one"), quota=Finding("error", "it is 0, and 1 is needed")
    )
    with pytest.raises(UserError) as raised:
        pipeline().run(store=tmp_path / "runs", registry=plugins)

    message = "nothing was started: account: there is no role; make one -- quota: it is 0, and 1 is needed"
    assert message == str(raised.value)
    assert not list(LocalStore(tmp_path / "runs").list(""))


def test_an_executor_that_emulates_the_services_needs_no_checks(plugins: Registry) -> None:
    """Trainers and deployers ask no service then."""
    assert () == preflight_checks(pipeline().with_executor("emulating").build(plugins), plugins)


def test_a_check_that_fails_is_an_error() -> None:
    """The finding names the exception."""

    def broken() -> Finding:
        raise ZeroDivisionError

    line = broken.__code__.co_firstlineno + 1
    expected = Finding("error", f"the check itself failed: ZeroDivisionError (test_preflight.py:{line})")
    assert expected == run_check(Check("x", broken))


def test_a_plan_shows_only_warnings_and_errors(plugins: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Checks without a problem are not listed."""
    FINDINGS["quota"] = Finding("warning", "only one is left")

    assert not show_findings(preflight_checks(pipeline().build(plugins), plugins), quiet=True)
    out = capsys.readouterr().out
    assert "quota: only one is left" in out
    assert "account" not in out


def test_resuming_is_refused_too(plugins: Registry, tmp_path: Path) -> None:
    """A resumed run may create resources."""
    run = Run.create(LocalStore(tmp_path / "runs"), pipeline().build(plugins))
    FINDINGS["account"] = Finding("error", "there is no role")

    with pytest.raises(UserError, match="account: there is no role"):
        resume(run.id, store=tmp_path / "runs", registry=plugins, progress=Progress())


# -- what scoring needs ---------------------------------------------------------------------------


def scored(executor: str = "local") -> Pipeline:
    """Return a pipeline with the checked evaluator."""
    return pipeline().with_evaluator("checked").with_executor(executor)


def statuses(checks: Iterable[Check]) -> dict[str, str]:
    """Return the status of each check."""
    return {check.name: run_check(check).status for check in checks}


def test_a_run_does_not_start_without_what_its_evaluators_need(plugins: Registry, home: Path, tmp_path: Path) -> None:
    """It does not fetch an asset that is fetched on request only; nothing is asked or written."""
    FINDINGS["tool"] = Finding("error", "it is missing", "buy one")
    message = (
        "nothing was started: asset tool-box: it is not on this machine; llmops assets get tool-box"
        " -- tool: it is missing; buy one"
    )

    with pytest.raises(UserError, match=f"^{message}$"):
        scored().run(store=tmp_path / "runs", registry=plugins, progress=Progress())

    assert not list(LocalStore(tmp_path / "runs").list(""))
    assert not (home / "assets").exists()


def test_what_evaluators_need_is_checked_on_the_machine_that_scores(plugins: Registry, home: Path) -> None:
    """On another machine, the step fetches the asset."""
    here, remote = scored().build(plugins), scored("remote").build(plugins)

    assert {"asset tool-box": "error", "tool": "ok"} == statuses(machine_checks(here, plugins, home))
    assert {"asset tool-box": "error", "tool": "ok"} == statuses(scoring_checks(here, plugins, home))
    assert {"asset tool-box": "warning"} == statuses(machine_checks(remote, plugins, home))
    get_asset(plugins.asset("tool-box"), home, progress=Progress())
    assert {"asset tool-box": "ok", "tool": "ok"} == statuses(machine_checks(here, plugins, home))


def test_offline_only_the_checks_of_this_machine_are_made(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as whether a key is set: the server is not asked."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    pipeline = Pipeline.builder("hosted").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    plan = pipeline.with_model("openai/gpt-4o-mini").build(registry, offline=True)

    (check,) = preflight_checks(plan, registry, offline=True)

    assert "key OPENAI_API_KEY" == check.name
    assert "set the environment variable 'OPENAI_API_KEY'" in run_check(check).text
    assert 2 == len(preflight_checks(plan, registry))
