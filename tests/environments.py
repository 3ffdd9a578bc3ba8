"""Environments with packages that tests ask or read back with, built once on a machine."""

from __future__ import annotations

import contextlib
import secrets
import site
import subprocess
import sys
from pathlib import Path

LM_EVAL = "0.4.13"


def environment(home: Path, name: str, *packages: str, python: str = sys.executable) -> str:
    """Return the interpreter of an environment with packages.

    Args:
        home: The cache of assets.
        name: The name of its folder.
        packages: The packages, each with its version.
        python: The interpreter that it is for.
    """
    folder = home / "tests" / name
    if not folder.exists():
        draft = _draft(folder)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--python", python, str(draft)], check=True)
        subprocess.run([*uv, "pip", "install", "-q", "--python", str(draft / "bin" / "python"), *packages], check=True)
        _keep(draft, folder)
    return str(folder / "bin" / "python")


def lm_eval_python(home: Path) -> str:
    """Return the interpreter of an environment with lm-evaluation-harness, which uses the libraries that are installed here.

    pip installs it, because uv does not see those.
    """
    folder = home / "tests" / f"lm-eval-{LM_EVAL}-api"
    if not folder.exists():
        draft = _draft(folder)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(draft)], check=True)
        (packages,) = (draft / "lib").glob("python*/site-packages")
        ours = [path for path in site.getsitepackages() if Path(path).is_dir()]
        lines = [f"import site; site.addsitedir({path!r})\n" for path in ours]
        (packages / "ours.pth").write_text("".join(lines), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--python", str(draft), "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-q", "--no-compile", f"lm_eval[api]=={LM_EVAL}"], check=True)
        _keep(draft, folder)
    return str(folder / "bin" / "python")


def _draft(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.with_name(f"{folder.name}.{secrets.token_hex(4)}")


def _keep(draft: Path, folder: Path) -> None:
    with contextlib.suppress(OSError):  # another process was first
        draft.replace(folder)
