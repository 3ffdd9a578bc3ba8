"""Checks the importers with the tools themselves: installs each, lets it evaluate models on loopback, and imports what it wrote.

Usage: python scripts/check_importers.py FOLDER [argument for pytest ...]

FOLDER keeps the environments: a first run takes minutes, a later one only installs what changed. FMEval's environment is that
of `llmops assets get fmeval`. The newest releases are installed, so that a change of theirs is noticed. A tool that cannot be
installed fails its tests and no others.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tools import ROOT, install

TOOLS = ("lm-eval", "inspect", "mlflow", "promptfoo")


def main(folder: Path, arguments: list[str]) -> int:
    """Build the environments below a folder and run the tests; return 1 if one of them failed."""
    makers: dict[str, Callable[[], None]] = {
        **{name: partial(install, folder, name, upgrade=True) for name in TOOLS},
        "fmeval": _get_fmeval,
    }
    failed = [name for name, make in makers.items() if not _made(name, make)]
    tests = ["-m", "pytest", "-q", "-m", "importers", "--durations=0", "tests/end_to_end/importers"]
    start = time.monotonic()
    environment = {**os.environ, "LLMOPS_IMPORTERS": str(folder.resolve())}
    tested = subprocess.run([sys.executable, *tests, *arguments], check=False, cwd=ROOT, env=environment)
    print(f"tests        {time.monotonic() - start:.0f} s")
    if failed:
        print(f"could not be installed: {', '.join(failed)}")
    return 1 if tested.returncode or failed else 0


def _made(name: str, make: Callable[[], None]) -> bool:
    start = time.monotonic()
    try:
        make()
    except (OSError, subprocess.CalledProcessError) as exc:
        print(f"{name:<12} {exc}", flush=True)
        return False
    print(f"{name:<12} installed  {time.monotonic() - start:.0f} s", flush=True)
    return True


def _get_fmeval() -> None:
    subprocess.run([sys.executable, "-m", "llmops_sdk.cli.main", "assets", "get", "fmeval"], check=True, cwd=ROOT)


if __name__ == "__main__":
    if len(sys.argv) < 2:  # noqa: PLR2004 - the folder
        print(__doc__)
        sys.exit(2)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
