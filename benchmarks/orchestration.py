"""The SDK's own time for a step that does nothing, with the full record and cache, and for a run that is cached completely.

    python orchestration.py [CANDIDATES ...]

A pipeline of N candidates has 2 N + 2 steps: prepare, N times generate and score, compare. Models and metrics respond at
once, in this process, so this measures planning, records, artifacts, statistics and the report's data. The conclusion, which
compares every pair of candidates, is measured apart from the other steps; of these, the share of time that they wait for
the disk is given (`fsync`). Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import llmops_sdk.testing
from llmops_sdk import Pipeline, Progress
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run
from llmops_sdk.steps.runtime import Runtime
from llmops_sdk.steps.step import run_step
from llmops_sdk.values.step_records import Succeeded

REPEATS = 3

_flush = os.fsync
_flushing: list[tuple[float, float]] = []
"""The start and the end of each flush to the disk; several may be on their way at a time."""


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [10, 100, 300]
    medians = {}
    setattr(os, "fsync", _timed_flush)  # noqa: B010 - a module of typeshed's
    # One folder of all runs: creating files takes longer where many were just deleted.
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            runs = [_measure(size, Path(folder, f"{size}-{number}")) for number in range(REPEATS)]
            medians[size] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    print(json.dumps(medians))


def _measure(size: int, folder: Path) -> dict[str, float]:
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    pipeline = (
        Pipeline.builder("no-op").with_dataset("lines", records=6).with_prompt("bare").with_evaluator("echo-score")
    )
    for number in range(size):
        pipeline = pipeline.with_model("echo", name=f"m{number}", voice=f"direct-{number}", fine_tune=False)
    start = time.perf_counter()
    plan = pipeline.build(registry)
    planned = time.perf_counter() - start
    store = LocalStore(folder / "store")
    runtime = Runtime(registry, folder / "home", progress=Progress())
    _flushing.clear()
    steps_s, conclusion_s = _run(Run.create(store, plan), runtime)
    flushed, flushes = _covered(_flushing), len(_flushing)
    cached_s = sum(_run(Run.create(store, plan), runtime))
    steps = len(plan.steps) - 1
    return {
        "steps": steps,
        "plan_s": planned,
        "steps_s": steps_s,
        "ms_per_step": steps_s / steps * 1000,
        "flushes_per_step": flushes / steps,
        "flushing": flushed / steps_s,
        "conclusion_s": conclusion_s,
        "cached_s": cached_s,
    }


def _run(run: Run, runtime: Runtime) -> tuple[float, float]:
    """Return the seconds of all steps but the last, and of the last: the conclusion."""
    times = [time.perf_counter()]
    for step in run.plan.steps:
        record = run_step(run, step.name, runtime)
        if not isinstance(record, Succeeded):
            raise SystemExit(record.error)
        times.append(time.perf_counter())
    return times[-2] - times[0], times[-1] - times[-2]


def _timed_flush(handle: int) -> None:
    start = time.perf_counter()
    _flush(handle)
    _flushing.append((start, time.perf_counter()))


def _covered(times: list[tuple[float, float]]) -> float:
    """Return the seconds in which at least one of these is on its way."""
    covered, reached = 0.0, 0.0
    for start, end in sorted(times):
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered


if __name__ == "__main__":
    main()
