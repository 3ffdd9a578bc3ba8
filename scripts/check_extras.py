"""Checks the extras as users install them: each resolves for every Python it is for, and installs and imports.

Resolving requests only metadata from an index. Installing creates a temporary virtual environment for each extra, without
the constraints file, because users install without it. The core and the extra `local` are installed with pip, the others
with uv, which links the files of its cache. Of torch, pip finds wheels where its own settings name them, which uv does not read.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
IMPORTS = {
    "local": (
        "openvino",
        "torch",
        "transformers",
        "peft",
        "gguf",
        "starlette",
        "uvicorn",
        "llmops_plugins.local.lora.trainer",
    ),
    "datasets": ("datasets", "llmops_plugins.datasets.huggingface"),
    "metrics": (
        "nltk",
        "rouge_score",
        "sacrebleu",
        "onnxruntime",
        "onnx",
        "llmops_plugins.metrics.tasks.summarization",
    ),
    "retrieval": ("bm25s", "llmops_plugins.prompts.bm25"),
    "jumpstart": ("boto3", "llmops_plugins.sagemaker.jumpstart.trainer", "llmops_plugins.sagemaker.endpoint.deployer"),
    "bedrock": ("boto3", "llmops_plugins.bedrock.transport"),
    "tables": ("pandas", "pyarrow.parquet", "llmops_plugins.reporters.table"),
    "sagemaker": ("sagemaker", "llmops_plugins.sagemaker.sdk.workflow", "boto3"),
    "docs": ("mkdocs", "griffe"),
    "inspect": ("inspect_ai.log", "llmops_plugins.importers.inspect_log"),
}
WITH_PIP = ("local",)  # check_pythons.py installs the core alone with it
# What FMEval pins is installed and imported in the environment of its own, from its lock: `llmops assets get fmeval`.
RESOLVED_ONLY = ("", "fmeval", "mlflow", "rehearsal", "all", "dev")
UNAVAILABLE = frozenset({("fmeval", "3.13")})  # what FMEval pins has no release for it


def main() -> int:
    """Check all extras; return 1 if one fails."""
    pairs = [pair for pair in product((*IMPORTS, *RESOLVED_ONLY), PYTHONS) if pair not in UNAVAILABLE]
    with ThreadPoolExecutor(4) as pool:  # resolving mostly waits for the index
        resolved = pool.map(lambda pair: _resolves(*pair), pairs)
        failed = [
            f"{extra or 'core'} does not resolve on {python}"
            for (extra, python), ok in zip(pairs, resolved, strict=True)
            if not ok
        ]
    with tempfile.TemporaryDirectory(prefix="llmops-wheel-") as folder, ThreadPoolExecutor(2) as pool:
        # one unpacks while the other one waits for downloads
        wheel = _build(folder)
        problems = list(pool.map(partial(_imports, wheel), IMPORTS, IMPORTS.values()))
        failed += [f"{extra or 'core'}: {problem}" for extra, problem in zip(IMPORTS, problems, strict=True) if problem]
    print("\n".join(failed) or "all extras resolve, install and import")
    return 1 if failed else 0


def _resolves(extra: str, python: str) -> bool:
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "-q", "--python-version", python]
    command += ["--extra", extra] if extra else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode == 0


def _build(folder: str) -> Path:
    """Build the wheel that is installed, once for all extras."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    return next(Path(folder).glob("*.whl"))


def _imports(wheel: Path, extra: str, modules: tuple[str, ...]) -> str:
    """Install one extra and import its modules; return the error, or an empty text."""
    start = time.monotonic()
    problem = _installed(wheel, extra, modules)
    print(f"{extra or 'core':<10} {'FAILED' if problem else 'imports'}  {time.monotonic() - start:.0f} s", flush=True)
    return problem


def _installed(wheel: Path, extra: str, modules: tuple[str, ...]) -> str:
    requirement = f"llmops-sdk{f'[{extra}]' if extra else ''} @ {wheel.as_uri()}"
    commands = _with_pip if extra in WITH_PIP else _with_uv
    with tempfile.TemporaryDirectory(prefix="llmops-extra-") as folder:
        python = str(Path(folder) / "bin" / "python")
        for command in (*commands(folder, python, requirement), [python, "-c", f"import {', '.join(modules)}"]):
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
            if done.returncode:
                return (done.stderr or done.stdout).strip().splitlines()[-1]
    return ""


def _with_pip(folder: str, python: str, requirement: str) -> list[list[str]]:
    pip = [python, "-m", "pip"]
    # few of the modules are imported, and once: Python compiles those
    install = [*pip, "install", "-q", "--disable-pip-version-check", "--no-compile", requirement]
    return [[sys.executable, "-m", "venv", folder], install, [*pip, "check"]]


def _with_uv(folder: str, python: str, requirement: str) -> list[list[str]]:
    uv = [sys.executable, "-m", "uv"]
    install = [*uv, "pip", "install", "-q", "--python", python, requirement]
    return [[*uv, "venv", "-q", "--python", sys.executable, folder], install, [*uv, "pip", "check", "--python", python]]


if __name__ == "__main__":
    sys.exit(main())
