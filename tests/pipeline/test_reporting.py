"""Reporters: called after every run; one that fails is a warning."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import attrs
import pytest

from llmops_sdk import (
    LocalStore,
    Pipeline,
    PluginError,
    Progress,
    Registry,
    Run,
    RunNotFoundError,
    SpecError,
    UserError,
    rescore,
    resume,
)
from llmops_sdk.pipeline.reporting import report_as
from llmops_sdk.plugin import Context, Options, Reporter, ReporterCard, Runtime, hookimpl, option
from llmops_sdk.testing import TestingSettings


@attrs.frozen(kw_only=True)
class RecordingOptions(Options):
    """How the reporter behaves."""

    error: str = option("", help="what it raises: user, other or nothing")


@attrs.frozen
class Call:
    """What a reporter was called with."""

    run_id: str
    step: str
    settings: dict[str, str]
    folder_was_empty: bool
    best: str


CALLS: list[Call] = []


class Recording(Reporter):
    """Records its calls."""

    options: RecordingOptions

    def report(self, context: Context, run: Run) -> None:
        empty = not list(context.folder.iterdir())
        (context.folder / "draft").touch()
        if self.options.error == "user":
            message = "the channel does not exist;\nname another one"
            raise UserError(message)
        if self.options.error:
            message = "no answer"
            raise ConnectionError(message)
        best = run.results().leaderboards[0].cells[0].candidate
        CALLS.append(Call(context.run_id, context.step, dict(context.settings), empty, best))


class Lines(Progress):
    """Keeps the lines that are logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="plugins")
def _plugins(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry with the reporter `recording`."""
    module = ModuleType("recording_plugin")
    module.Recording = Recording  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)

    @hookimpl
    def llmops_cards() -> tuple[ReporterCard, ...]:
        return (
            ReporterCard(name="recording", summary="", load="recording_plugin:Recording", options=RecordingOptions),
        )

    @hookimpl
    def llmops_settings() -> type:
        return TestingSettings

    module.llmops_cards = llmops_cards  # type: ignore[attr-defined]
    module.llmops_settings = llmops_settings  # type: ignore[attr-defined]
    registry.add("recording", module)
    CALLS.clear()
    return registry


def echo() -> Pipeline:
    return (
        Pipeline.builder("echo")
        .with_dataset("lines", records=6)
        .with_prompt("bare")
        .with_model("echo", fine_tune=False)
        .with_evaluator("echo-score")
    )


def test_a_reporter_is_called_after_every_run(plugins: Registry, tmp_path: Path) -> None:
    """Also after one that was resumed or rescored, with its own settings and an empty folder."""
    pipeline = echo().with_reporter("recording").with_settings("recording", note="x").with_settings("testing", note="y")

    run = pipeline.run(store=tmp_path, registry=plugins, progress=Progress()).run
    run.clear_record("score.echo.bare.lines")
    run.clear_record("compare")
    resume(run.id, store=tmp_path, registry=plugins, progress=Progress())
    rescored = rescore(
        run.id,
        [{"use": "text-metrics", "metrics": ["token_f1"]}],
        store=tmp_path,
        registry=plugins,
        progress=Progress(),
    )

    first = Call(run.id, "report.recording", {"note": "x"}, folder_was_empty=True, best="echo")
    assert [first, first, attrs.evolve(first, run_id=rescored.run.id)] == CALLS
    assert run.read("report.html") is None


def test_a_pipeline_without_reporters_has_the_html_report(plugins: Registry, tmp_path: Path) -> None:
    """One that names another reporter has that one only, unless it names `html` too."""
    plain = echo().run(store=tmp_path, registry=plugins, progress=Progress())
    both = (
        echo()
        .with_reporter("html")
        .with_reporter("recording")
        .run(store=tmp_path, registry=plugins, progress=Progress())
    )

    assert b"<!doctype html>" in (plain.run.read("report.html") or b"")[:100].lower()
    assert both.run.read("report.html")
    assert [both.run.id] == [call.run_id for call in CALLS]


def test_a_reporter_that_fails_is_a_warning(plugins: Registry, tmp_path: Path) -> None:
    """The run is complete, the other reporters are called, and the log of the reporter has the traceback."""
    progress = Lines()
    pipeline = (
        echo()
        .with_reporter("recording", name="chat", error="user")
        .with_reporter("recording", name="mail", error="other")
        .with_reporter("recording")
    )

    run = pipeline.run(store=tmp_path, registry=plugins, progress=progress).run

    chat, mail = [line for line in progress.lines if line.startswith("warning")]
    again = f"call it again with: llmops report {run.id} --as"
    assert f"warning: reporter 'chat' failed: the channel does not exist; name another one; {again} chat" == chat
    assert mail.startswith("warning: reporter 'mail' failed: ConnectionError: no answer (test_reporting.py:")
    assert mail.endswith(f"; see: llmops logs {run.id} report.mail; {again} mail")
    assert ["report.recording"] == [call.step for call in CALLS]
    assert b"Traceback" in (run.read_log("report.mail") or b"")
    assert run.has_results


def test_a_reporter_that_is_no_longer_installed_is_a_warning(plugins: Registry, tmp_path: Path) -> None:
    """A run can be resumed without it."""
    run = echo().with_reporter("recording").run(store=tmp_path, registry=plugins, progress=Progress()).run
    run.clear_record("compare")
    others = Registry.load()
    others.add("testing", plugins.module("testing"))
    progress = Lines()

    resume(run.id, store=tmp_path, registry=others, progress=progress)

    (warning,) = [line for line in progress.lines if line.startswith("warning")]
    assert warning.startswith("warning: reporter 'recording' failed: no reporter is called 'recording'")


def test_an_unknown_reporter_is_refused_before_the_run(plugins: Registry, tmp_path: Path) -> None:
    """As every card is; so are its options."""
    with pytest.raises(SpecError, match="no reporter is called 'recordin'; did you mean 'recording'"):
        echo().with_reporter("recordin").run(store=tmp_path, registry=plugins, progress=Progress())
    with pytest.raises(SpecError, match="reporter 'recording' has no option 'eror'; did you mean 'error'"):
        echo().with_reporter("recording", eror="x").run(store=tmp_path, registry=plugins, progress=Progress())
    assert [] == list(LocalStore(tmp_path).list(""))


def _runtime(registry: Registry, home: Path) -> Runtime:
    return Runtime(registry, home, progress=Progress())


def test_a_reporter_that_failed_can_be_called_again(plugins: Registry, tmp_path: Path) -> None:
    """By its name in the pipeline, with its options there; those that are given replace them."""
    pipeline = echo().with_reporter("recording", name="chat", error="user")
    run = pipeline.run(store=tmp_path, registry=plugins, progress=Progress()).run

    with pytest.raises(UserError, match="the channel does not exist"):
        report_as(run, "chat", {}, _runtime(plugins, tmp_path))
    report_as(run, "chat", {"error": ""}, _runtime(plugins, tmp_path))

    assert ["report.chat"] == [call.step for call in CALLS]


def test_any_other_reporter_can_be_called(plugins: Registry, tmp_path: Path) -> None:
    """With its default options; a failure of its code names the place, and its log has the traceback."""
    run = echo().run(store=tmp_path, registry=plugins, progress=Progress()).run

    report_as(run, "recording", {}, _runtime(plugins, tmp_path))
    with pytest.raises(
        PluginError, match=rf"ConnectionError: no answer \(test_reporting.py:\d+\); see: llmops logs {run.id}"
    ):
        report_as(run, "recording", {"error": "other"}, _runtime(plugins, tmp_path))

    assert ["report.recording"] == [call.step for call in CALLS]
    assert b"Traceback" in (run.read_log("report.recording") or b"")


def test_a_reporter_needs_results(plugins: Registry, tmp_path: Path) -> None:
    """And a name and options that exist."""
    run = echo().run(store=tmp_path, registry=plugins, progress=Progress()).run
    unfinished = Run.create(run.store, run.plan)

    with pytest.raises(RunNotFoundError, match="has no results yet"):
        report_as(unfinished, "recording", {}, _runtime(plugins, tmp_path))
    with pytest.raises(SpecError, match="no reporter is called 'recordin'; did you mean 'recording'"):
        report_as(run, "recordin", {}, _runtime(plugins, tmp_path))
    with pytest.raises(SpecError, match="has no option 'eror'; did you mean 'error'"):
        report_as(run, "recording", {"eror": ""}, _runtime(plugins, tmp_path))
