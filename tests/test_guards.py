"""What must hold before a run costs anything: who looks at it, and what becomes of what is found."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import BaseModel, Check, DeployerCard, ExecutorCard, Finding, LocalStore, Pipeline, UserError, hookimpl
from llmops_sdk.console import show_findings
from llmops_sdk.guards import guards, look
from llmops_sdk.registry import Registry
from llmops_sdk.testing import EchoEndpoint

FOUND: dict[str, Finding] = {}
LOOKED: list[str] = []


def _check(name: str) -> Check:
    def make() -> Finding:
        LOOKED.append(name)
        return FOUND.get(name, Finding("ok", "well"))

    return Check(name, make)


@attrs.frozen(kw_only=True)
class GuardedOptions:
    """Of a deployer that needs something."""

    def checks(self, base: BaseModel, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
        assert base.source
        assert not settings
        yield _check("account")
        yield _check("quota")


@attrs.frozen(kw_only=True)
class NoOptions:
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
            name="playing", summary="x", load=f"{__name__}:Playing", options=NoOptions, plays_services=True
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
    found = guards(pipeline("a", "b").build(plugins), plugins)

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
    assert () == guards(pipeline().with_executor("playing").build(plugins), plugins)


def test_a_broken_check_is_an_error() -> None:
    """It says which and how."""

    def broken() -> Finding:
        raise ZeroDivisionError

    assert Finding("error", "the check itself failed: ZeroDivisionError: ") == look(Check("x", broken))


def test_a_plan_shows_what_is_not_well(plugins: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """And is silent about the rest."""
    FOUND["quota"] = Finding("warning", "only one is left")

    assert not show_findings(guards(pipeline().build(plugins), plugins), quiet=True)
    out = capsys.readouterr().out
    assert "quota: only one is left" in out
    assert "account" not in out
