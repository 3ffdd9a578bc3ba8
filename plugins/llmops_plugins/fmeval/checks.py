"""The check of `llmops doctor` for FMEval."""

from __future__ import annotations

from llmops_plugins.fmeval.interpreter import (
    ENVIRONMENT,
    FMEVAL,
    VARIABLE,
    chosen_interpreter,
    fmeval_asset,
    problem_with,
)
from llmops_sdk.plugin import Check, Finding, default_home, environment_python, find_asset

_GET = f"llmops assets get {ENVIRONMENT}"


def checks() -> tuple[Check, ...]:
    """Return the check: can FMEval be run?"""
    return (Check("fmeval", _check_fmeval),)


def _check_fmeval() -> Finding:
    """A warning where FMEval is nowhere, since it is optional."""
    chosen = chosen_interpreter("")
    if chosen:
        return _check_interpreter(chosen, f"name another one in {VARIABLE}")
    folder = find_asset(fmeval_asset(), default_home())
    if folder is None:
        return Finding("warning", "not on this machine; the evaluators 'fmeval-...' need it", _GET)
    return _check_interpreter(str(environment_python(folder)), f"delete '{folder}', then: {_GET}")


def _check_interpreter(python: str, hint: str) -> Finding:
    problem = problem_with(python, ("fmeval", "ray"))
    return Finding("error", problem, hint) if problem else Finding("ok", f"fmeval {FMEVAL} with {python!r}")
