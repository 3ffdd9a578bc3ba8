"""Which interpreter runs FMEval: one that is named, the one that runs the SDK, or that of an environment built for it.

FMEval's pins (pandas 2.2.3, transformers 4, an old SageMaker SDK) rule out today's versions of other packages. So it has an
environment of its own: the asset `fmeval`, built from `lock.txt`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from llmops_sdk.plugin import Asset, Context, EnvironmentSource, SpecError, environment_python, file_sha256

FMEVAL = "1.2.3"
"""The version whose algorithms these evaluators run: FMEval's last release."""

ENVIRONMENT = "fmeval"
"""The asset with FMEval's environment."""

VARIABLE = "LLMOPS_FMEVAL_PYTHON"
"""The environment variable that names an interpreter for all evaluators."""

_LOCK = Path(__file__).with_name("lock.txt")
_PYTHONS = ("3.10", "3.11", "3.12")  # ray 2.44.0 has no wheel for a later one
_PACKAGES = ("fmeval", "nltk", "bert-score")  # FMEval, and what decides METEOR and BERTScore
_PRINT_VERSIONS = (
    "from importlib.metadata import distributions\n"
    f"for name in {_PACKAGES}: print(next((d.version for d in distributions(name=name)), ''))"
)


def fmeval_asset() -> Asset:
    """Return the environment, built with pip from the versions of the lock file."""
    return Asset(
        name=ENVIRONMENT,
        summary=f"FMEval {FMEVAL} in a Python environment of its own, for the evaluators 'fmeval-...'",
        size=2_200_000_000,
        files={"lock.txt": file_sha256(_LOCK)},
        sources=(
            EnvironmentSource(
                requirement=f"fmeval=={FMEVAL}",
                lock=_LOCK,
                pythons=_PYTHONS,
                modules=("fmeval", "ray", "evaluate", "nltk", "bert_score"),
            ),
        ),
        on_request=True,
    )


def find_interpreter(context: Context, python: str) -> str:
    """Return the interpreter that runs FMEval.

    Args:
        context: The context of a step.
        python: The option `python`.

    Raises:
        AssetError: It is the environment's, which is missing and cannot be built.
    """
    return chosen_interpreter(python) or str(environment_python(context.asset(ENVIRONMENT)))


def chosen_interpreter(python: str) -> str:
    """Return the interpreter that the option `python` or the variable names, else this one if it has FMEval; else an empty text."""
    named = python or os.environ.get(VARIABLE, "")
    if named:
        program = shutil.which(named)
        return str(Path(program).absolute()) if program else named  # FMEval's process runs in another folder
    return sys.executable if _installed("fmeval") == FMEVAL else ""


def fingerprint_of(python: str) -> object:
    """Return the versions behind the numbers: those of the chosen interpreter, read again at each call, or the lock's hash.

    Raises:
        SpecError: The named interpreter does not run.
    """
    chosen = chosen_interpreter(python)
    return versions(chosen) if chosen else file_sha256(_LOCK)


def problem_with(python: str, modules: Iterable[str] = ()) -> str:
    """Return why FMEval cannot run with an interpreter, or an empty text.

    Args:
        python: The interpreter.
        modules: Modules that it must be able to import. All that FMEval imports takes it ten seconds.
    """
    try:
        installed = versions(python, modules)["fmeval"]
    except SpecError as exc:
        return str(exc)
    if installed != FMEVAL:
        return f"{python!r} has {f'fmeval {installed}' if installed else 'no fmeval'}, but {FMEVAL} is needed"
    return ""


def versions(python: str, modules: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of the packages behind the numbers; that of a missing one is empty.

    Raises:
        SpecError: The interpreter does not run, or cannot import one of the modules.
    """
    if python == sys.executable and not modules:
        return {name: _installed(name) for name in _PACKAGES}
    imports = "".join(f"import {module}\n" for module in modules)
    try:
        done = subprocess.run(  # noqa: S603 - the user names it
            [python, "-I", "-c", imports + _PRINT_VERSIONS], capture_output=True, text=True, timeout=120, check=False
        )
    except (OSError, subprocess.SubprocessError) as exc:
        message = f"{python!r} is not a Python interpreter that runs: {exc}"
        raise SpecError(message) from exc
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != len(_PACKAGES):
        reason = next(reversed(done.stderr.strip().splitlines()), f"exit code {done.returncode}")
        message = f"{python!r} is not a Python interpreter with fmeval that works: {reason}"
        raise SpecError(message)
    return dict(zip(_PACKAGES, map(str.strip, lines), strict=True))


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
