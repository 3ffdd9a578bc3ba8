"""Calling the reporters of a run that has ended."""

from __future__ import annotations

import tempfile
from pathlib import Path

from llmops_sdk.errors import UserError
from llmops_sdk.plugin.interfaces import Reporter
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure, prints_to_stderr
from llmops_sdk.record.run import Run
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.steps.step import step_log
from llmops_sdk.values.plan import Component


def call_reporters(run: Run, runtime: Runtime) -> None:
    """Call each reporter of a run's plan; one that fails is a warning, and the others are still called."""
    for component in run.plan.reporters:
        log_name = f"report.{component.name}"
        try:
            _call_reporter(run, runtime, component, log_name)
        except UserError as exc:
            runtime.progress.log(f"warning: reporter {component.name!r} failed: {' '.join(str(exc).split())}")
        except PLUGIN_FAILURES as exc:
            step_log(run, log_name).exception("reporter %r failed", component.name)
            hint = f"see: llmops logs {run.id} {log_name}"
            runtime.progress.log(f"warning: reporter {component.name!r} failed: {describe_failure(exc)}; {hint}")


def _call_reporter(run: Run, runtime: Runtime, component: Component, log_name: str) -> None:
    reporter: Reporter = runtime.registry.make("reporter", component.use, component.options)
    with tempfile.TemporaryDirectory(prefix="llmops-") as folder:
        context = runtime.context(
            run_id=run.id,
            step=log_name,
            folder=Path(folder),
            log=step_log(run, log_name),
            settings=run.plan.settings,
        )
        with prints_to_stderr():
            reporter.report(context.for_card("reporter", component.use), run)
