"""Checks the SDK in every supported Python: installs it, imports it, and runs a pipeline with the command line.

Usage: python scripts/check_pythons.py [3.10 ...]

It is installed without torch, which is gigabytes for each Python; `make test` tests the rest in one of them. The pipeline
compares a model that repeats the prompt with recorded answers. Interpreters are those that uv or pyenv has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from check_extras import PYTHONS, ROOT

EXTRA = "bedrock"
MODULES = (
    "llmops_sdk.pipeline.pipeline",
    "llmops_sdk.plugin",
    "llmops_plugins.openai.deployer",
    "llmops_plugins.recorded.transport",
    "llmops_plugins.served.deployer",
    "llmops_plugins.bedrock.transport",
)
ROWS = [
    {"instruction": "Say it again", "context": f"word {number}", "response": f"WORD {number}"} for number in range(8)
]
PIPELINE = {
    "name": "echo",
    "datasets": [{"use": "jsonl", "path": "rows.jsonl"}],
    "prompts": ["bare"],
    "models": [
        {"use": "echo", "fine_tune": False},
        {"use": "recorded", "name": "old", "path": "answers.jsonl", "answer": "output"},
    ],
    "evaluators": ["echo-score"],
}


def main(pythons: list[str]) -> int:
    """Check these Pythons, or all; return 1 if one fails."""
    failed = [python for python in pythons or PYTHONS if _fails(python)]
    print(f"failed: {', '.join(failed)}" if failed else "the SDK installs, imports and runs in every Python")
    return 1 if failed else 0


def _fails(python: str) -> bool:
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="llmops-python-") as folder:
        problem = _problem(python, Path(folder))
    print(f"{python:<6} {problem or 'runs'}  {time.monotonic() - start:.0f} s", flush=True)
    return bool(problem)


def _problem(python: str, folder: Path) -> str:
    """Return the last line of the first command that fails, or an empty text."""
    environment = folder / "environment"
    program = environment / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    (folder / "rows.jsonl").write_text(_lines(ROWS), encoding="utf-8")
    answers = [{**row, "output": row["response"].lower()} for row in ROWS]
    (folder / "answers.jsonl").write_text(_lines(answers), encoding="utf-8")
    (folder / "echo.json").write_text(json.dumps(PIPELINE), encoding="utf-8")
    for command in (
        [*uv, "venv", "-q", "--no-python-downloads", "--python", python, str(environment)],
        [*uv, "pip", "install", "-q", "--python", str(program), *constraints, f"{ROOT}[{EXTRA}]"],
        [str(program), "-c", f"import {', '.join(MODULES)}"],
        [str(program), "-c", _REGISTER],
        [str(environment / "bin" / "llmops"), "run", "echo.json"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=_environment())
        if done.returncode:
            return (done.stderr or done.stdout).strip().splitlines()[-1]
    return ""


def _environment() -> dict[str, str]:
    """Return the environment in which the commands of pyenv find each of its versions."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names = [path.name for python in PYTHONS for path in versions.glob(f"{python}.*")]
    return {**os.environ, "PYENV_VERSION": ":".join(names)} if names else dict(os.environ)


def _lines(records: list[dict[str, str]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


# What installing a distribution with the testing kit as its plugin would leave.
_REGISTER = """
import sysconfig
from pathlib import Path
folder = Path(sysconfig.get_path("purelib")) / "llmops_echo-1.dist-info"
folder.mkdir()
(folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: llmops-echo\\nVersion: 1\\n")
(folder / "entry_points.txt").write_text("[llmops_sdk]\\ntesting = llmops_sdk.testing\\n")
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
