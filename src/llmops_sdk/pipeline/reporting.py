"""Calling the reporters of a run that has ended: those that it names, or one more."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import PluginError, UserError
from llmops_sdk.plugin.interfaces import Reporter
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure, prints_to_stderr
from llmops_sdk.record.run import Run
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.steps.step import step_log
from llmops_sdk.values.plan import Component


def call_reporters(run: Run, runtime: Runtime) -> None:
    """Call each reporter of a run's plan; one that fails is a warning, and the others are still called."""
    for component in run.plan.reporters:
        try:
            _call_reporter(run, runtime, component)
        except UserError as exc:
            again = f"llmops report {run.id} --as {component.name}"
            reason = " ".join(str(exc).split())
            runtime.progress.log(f"warning: reporter {component.name!r} failed: {reason}; call it again with: {again}")


def report_as(run: Run, name: str, options: Mapping[str, Any], runtime: Runtime) -> None:
    """Call one reporter for a run that has ended.

    Args:
        run: The run.
        name: That of a reporter of its plan, which has the options of the plan; or of any other.
        options: Options by name, which replace those of the plan.
        runtime: This process's.

    Raises:
        RunNotFoundError: The run has no results yet.
        SpecError: There is no such reporter or option.
        UserError: What the reporter raised.
    """
    run.results()
    planned = next((component for component in run.plan.reporters if component.name == name), None)
    component = planned or Component(name, name, {}, key="")
    _call_reporter(run, runtime, attrs.evolve(component, options={**component.options, **options}))


def _call_reporter(run: Run, runtime: Runtime, component: Component) -> None:
    """Call a reporter; what its code raises becomes a `PluginError`, and the traceback is in its log."""
    reporter: Reporter = runtime.registry.make("reporter", component.use, component.options)
    log_name = f"report.{component.name}"
    log = step_log(run, log_name)
    try:
        with tempfile.TemporaryDirectory(prefix="llmops-") as folder:
            context = runtime.context(
                run_id=run.id, step=log_name, folder=Path(folder), log=log, settings=run.plan.settings
            )
            with prints_to_stderr():
                reporter.report(context.for_card("reporter", component.use), run)
    except UserError:
        raise
    except PLUGIN_FAILURES as exc:
        log.exception("reporter %r failed", component.name)
        message = f"{describe_failure(exc)}; see: llmops logs {run.id} {log_name}"
        raise PluginError(message) from exc
