"""Checks the importers with the tools themselves: installs each, lets it evaluate models on loopback, and imports what it wrote.

Usage: python scripts/check_importers.py FOLDER [argument for pytest ...]

FOLDER keeps the environments: a first run takes minutes, a later one only installs what changed. FMEval's environment is that
of `llmops assets get fmeval`. The newest releases are installed, so that a change of theirs is noticed. A tool that cannot be
installed fails its tests and no others.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "lm-eval": ("lm_eval[api]",),
    "inspect": (f"{ROOT}[inspect]", "openai"),
    "mlflow": ("mlflow", "pyarrow"),
}
NODE_PACKAGES = {"promptfoo": ("promptfoo",)}


def main(folder: Path, arguments: list[str]) -> int:
    """Build the environments below a folder and run the tests; return 1 if one of them failed."""
    makers: dict[str, Callable[[], None]] = {
        **{name: partial(_install, folder / name, packages) for name, packages in PACKAGES.items()},
        **{name: partial(_install_node, folder / name, packages) for name, packages in NODE_PACKAGES.items()},
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


def _install(environment: Path, packages: tuple[str, ...]) -> None:
    uv = [sys.executable, "-m", "uv"]
    if not (environment / "bin" / "python").exists():
        subprocess.run([*uv, "venv", "-q", "--python", sys.executable, str(environment)], check=True)
    install = [*uv, "pip", "install", "-q", "--python", str(environment / "bin" / "python"), "--upgrade"]
    editable = [
        part for package in packages for part in (["-e", package] if package.startswith(str(ROOT)) else [package])
    ]
    subprocess.run([*install, *editable], check=True)


def _install_node(folder: Path, packages: tuple[str, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    npm = shutil.which("npm") or "npm"
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([npm, "install", *quiet, *packages], check=True, cwd=folder, stdout=subprocess.DEVNULL)


def _get_fmeval() -> None:
    subprocess.run([sys.executable, "-m", "llmops_sdk.cli.main", "assets", "get", "fmeval"], check=True, cwd=ROOT)


if __name__ == "__main__":
    if len(sys.argv) < 2:  # noqa: PLR2004 - the folder
        print(__doc__)
        sys.exit(2)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
