"""Which interpreter runs FMEval, and whether it can."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from llmops_sdk.plugin import SpecError, install_hint

FMEVAL = "1.2.3"
"""The version whose algorithms these evaluators run: FMEval's last release."""

EXTRA = "fmeval"
_PACKAGES = ("fmeval", "nltk", "bert-score")  # FMEval, and what decides METEOR and BERTScore
_PRINT_VERSIONS = (
    "from importlib.metadata import distributions\n"
    f"for name in {_PACKAGES}: print(next((d.version for d in distributions(name=name)), ''))"
)


def interpreter(python: str) -> str:
    """Return the interpreter that the option `python` names; this one where it is empty."""
    return shutil.which(python) or python if python else sys.executable


@lru_cache
def problem_with(python: str) -> str:
    """Return why FMEval cannot run with the interpreter that the option `python` names, or an empty text.

    FMEval is not imported, which takes ten seconds.
    """
    if not python:
        installed = _installed()
        hint = install_hint(EXTRA)
        if not installed:
            return f"fmeval is not installed: {hint}, or name an interpreter that has it with python="
        return "" if installed == FMEVAL else f"fmeval {installed} is installed, but {FMEVAL} is needed: {hint}"
    if shutil.which(python) is None:
        return f"python={python!r} is not a program; name the Python interpreter that has fmeval {FMEVAL}"
    try:
        installed = versions(python).get("fmeval", "")
    except SpecError as exc:
        return str(exc)
    if installed != FMEVAL:
        return f"python={python!r} has {f'fmeval {installed}' if installed else 'no fmeval'}; install fmeval=={FMEVAL} there"
    return ""


def versions(python: str) -> dict[str, str]:
    """Return the versions of the packages behind the numbers, read again at each call; a missing one has an empty version.

    Raises:
        SpecError: The interpreter that the option `python` names does not run.
    """
    if not python:
        return {name: _installed(name) for name in _PACKAGES}
    try:
        lines = subprocess.run(  # noqa: S603 - the user names it
            [interpreter(python), "-I", "-c", _PRINT_VERSIONS], capture_output=True, text=True, timeout=60, check=True
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError) as exc:
        message = f"python={python!r} is not a Python interpreter that runs: {exc}"
        raise SpecError(message) from exc
    return dict(zip(_PACKAGES, map(str.strip, lines), strict=False))  # a program that is not Python may print less


def _installed(package: str = "fmeval") -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
