"""The check of `llmops doctor` for FMEval."""

from __future__ import annotations

from llmops_plugins.fmeval.interpreter import EXTRA, FMEVAL, problem_with
from llmops_sdk.plugin import Check, Finding, install_hint


def checks() -> tuple[Check, ...]:
    """Return the check: FMEval and its version."""
    return (Check("fmeval", _fmeval),)


def _fmeval() -> Finding:
    """A warning, not an error: FMEval is optional, and can be in another interpreter."""
    problem = problem_with("")
    if problem:
        text = f"{problem.partition(':')[0]}; the evaluators 'fmeval-...' then need python=, an interpreter that has it"
        return Finding("warning", text, install_hint(EXTRA))
    return Finding("ok", f"fmeval {FMEVAL}")
