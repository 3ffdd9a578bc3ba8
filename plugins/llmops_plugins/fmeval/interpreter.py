"""Which interpreter runs FMEval, and whether it can."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from llmops_sdk.plugin import SpecError

FMEVAL = "1.2.3"
"""The version whose algorithms these evaluators run: FMEval's last one."""

INSTALL = "pip install 'llmops-sdk[fmeval]'"
_PACKAGES = ("fmeval", "nltk", "bert-score")  # FMEval first; the others decide METEOR and BERTScore
_ASK = (
    "from importlib.metadata import distributions\n"
    f"for name in {_PACKAGES}: print(next((d.version for d in distributions(name=name)), ''))"
)


def interpreter(python: str) -> str:
    """Return the interpreter that the option `python` names; this one where it is empty."""
    return shutil.which(python) or python if python else sys.executable


@lru_cache
def problem_with(python: str) -> str:
    """Return why FMEval cannot run with the interpreter that the option `python` names, or an empty text.

    FMEval is not imported: that takes ten seconds.
    """
    if not python:
        found = _installed()
        if not found:
            return f"fmeval is not installed: {INSTALL}, or name an interpreter that has it with python="
        return "" if found == FMEVAL else f"fmeval {found} is installed, and {FMEVAL} is needed: {INSTALL}"
    if shutil.which(python) is None:
        return f"python={python!r} is no program; name the Python interpreter that has fmeval {FMEVAL}"
    try:
        told = versions(python).get("fmeval")
    except SpecError as exc:
        return str(exc)
    if told != FMEVAL:
        return f"python={python!r} has {f'fmeval {told}' if told else 'no fmeval'}; install fmeval=={FMEVAL} there"
    return ""


def versions(python: str) -> dict[str, str]:
    """Return the versions, asked anew, of the packages behind the numbers; one that is not there has an empty one.

    Raises:
        SpecError: The interpreter that the option `python` names does not run.
    """
    if not python:
        return {name: _installed(name) for name in _PACKAGES}
    try:
        told = subprocess.run(  # noqa: S603 - the user names it
            [interpreter(python), "-I", "-c", _ASK], capture_output=True, text=True, timeout=60, check=True
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError) as exc:
        message = f"python={python!r} is no Python interpreter that runs: {exc}"
        raise SpecError(message) from exc
    return dict(zip(_PACKAGES, map(str.strip, told), strict=False))  # a program that is no Python may say less


def _installed(package: str = "fmeval") -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
