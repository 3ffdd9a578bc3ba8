"""The process in which cards are tried: with another hash seed, in an empty folder, and watched.

`python -m llmops_sdk.testing.rules.child JOBS OUTCOMES PLACE` reads jobs, and writes two outcomes for each.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

HEAVY = frozenset(
    {
        "boto3", "datasets", "httpx", "jax", "matplotlib", "mlflow", "nltk", "numpy", "onnxruntime", "openai", "pandas", "peft",
        "pyarrow", "requests", "sagemaker", "scipy", "sentence_transformers", "sklearn", "spacy", "tensorflow", "torch",
        "transformers",
    }
)  # fmt: skip
"""Libraries that take so long to import that no `hooks.py` may."""

SECONDS = 600
"""How long all trials of a plugin may take."""

_HASH_SEED = "20011"


@attrs.frozen(kw_only=True)
class ChildResult:
    """What the process found out.

    Attributes:
        outcomes: Two for each job, by the job's place; of one that could not be read, none.
        heavy: The heavy libraries that the hooks imported.
        failure: Why it ended early, or what it could not do; empty if nothing.
        printed: What it printed outside Python's own standard output, such as by a program that it started.
    """

    outcomes: tuple[tuple[Any, Any], ...] = ()
    heavy: tuple[str, ...] = ()
    failure: str = ""
    printed: str = ""


def run_child(jobs: Sequence[Any], modules: Iterable[str], hooks: str, place: Path) -> ChildResult:
    """Try jobs in a new process.

    Args:
        jobs: The jobs.
        modules: The modules with the implementations and options.
        hooks: The module with the hooks; empty if there is none.
        place: The folder of the trials.
    """
    files = {name: str(getattr(sys.modules.get(name), "__file__", "") or "") for name in modules}
    try:
        data = pickle.dumps([pickle.dumps(job) for job in jobs])
    except (pickle.PicklingError, AttributeError, TypeError) as exc:
        return ChildResult(failure=f"it cannot be sent to another process: {exc}; define it at the top of a module")
    head = pickle.dumps({"files": files, "hooks": hooks, "path": sys.path})
    (place / "jobs").write_bytes(len(head).to_bytes(8, "big") + head + data)
    command = [sys.executable, "-m", __name__, str(place / "jobs"), str(place / "outcomes"), str(place)]
    environment = {
        **os.environ,
        "LLMOPS_HOME": str(place / "home"),
        "LLMOPS_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": _HASH_SEED,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TMPDIR": str(place / "tmp"),
    }
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, this package
            command,
            cwd=place / "cwd",
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ChildResult(failure=f"the trials took more than {SECONDS:g} s")
    if not (place / "outcomes").exists():
        last = " / ".join(line.strip() for line in done.stderr.splitlines()[-3:])
        return ChildResult(failure=f"the other process ended with code {done.returncode}: {last}")
    result: ChildResult = pickle.loads((place / "outcomes").read_bytes())  # noqa: S301 - this package wrote it
    return attrs.evolve(result, printed=done.stdout.strip())


def main(arguments: Sequence[str]) -> int:
    """Try the jobs of a file; the process's own end."""
    jobs, outcomes, place = map(Path, arguments)
    content = jobs.read_bytes()
    size = int.from_bytes(content[:8], "big")
    head = pickle.loads(content[8 : 8 + size])  # noqa: S301 - this package wrote it
    sys.path[:] = head["path"]
    heavy, failure = _import_hooks(head["hooks"], head["files"].get(head["hooks"], ""))
    for name, file in head["files"].items():
        try:
            _import(name, file)
        except Exception as exc:  # noqa: BLE001 - whatever it raises is reported
            failure = failure or f"module {name!r} cannot be imported there: {type(exc).__name__}: {exc}"
    result = ChildResult(heavy=heavy, failure=failure)
    if not failure:
        result = attrs.evolve(result, outcomes=_outcomes(pickle.loads(content[8 + size :]), place))  # noqa: S301 - as above
    draft = outcomes.with_suffix(".part")
    draft.write_bytes(pickle.dumps(result))
    draft.replace(outcomes)
    return 0


def _outcomes(jobs: Iterable[bytes], place: Path) -> tuple[tuple[Any, Any], ...]:
    from llmops_sdk.testing.rules.trials import run_trial
    from llmops_sdk.testing.rules.watch import Watch

    watch = Watch()
    pairs = []
    for data in jobs:
        job = pickle.loads(data)  # noqa: S301 - this package wrote it
        pairs.append((run_trial(job, place, watch), run_trial(job, place, watch)))
    return tuple(pairs)


def _import_hooks(name: str, file: str) -> tuple[tuple[str, ...], str]:
    """Import the module with the hooks, and return the heavy libraries that this loaded, and what it raised."""
    before = set(sys.modules)
    try:
        if name:
            _import(name, file)
    except Exception as exc:  # noqa: BLE001 - whatever it raises is reported
        return (), f"module {name!r} cannot be imported there: {type(exc).__name__}: {exc}"
    return tuple(sorted(HEAVY & (set(sys.modules) - before))), ""


def _import(name: str, file: str) -> ModuleType:
    """Import a module by its name, or from its file where it is in no folder of the path, as a module of tests."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        spec = importlib.util.spec_from_file_location(name, file) if file else None
        if spec is None or spec.loader is None:
            raise
    module = importlib.util.module_from_spec(spec)
    parent, _, _ = name.rpartition(".")
    while parent:
        sys.modules.setdefault(parent, ModuleType(parent))
        parent, _, _ = parent.rpartition(".")
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    # not this module's own `main`: what it writes must be of classes that the other process knows
    sys.exit(import_module("llmops_sdk.testing.rules.child").main(sys.argv[1:]))
