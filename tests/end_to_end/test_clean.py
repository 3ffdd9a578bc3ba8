"""`llmops clean` is killed with SIGKILL: nothing that remains is broken, and a second one finishes the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Run, clean
from llmops_sdk.pipeline.verification import verify_run
from llmops_sdk.record.runs import list_runs

PROGRAM = """
    import os, pathlib, sys
    from llmops_sdk.cli.main import main

    left = int(sys.argv[1])

    def counted(original):
        def call(*arguments, **options):
            global left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), 9)
            return original(*arguments, **options)
        return call

    os.replace = counted(os.replace)
    pathlib.Path.unlink = counted(pathlib.Path.unlink)
    sys.exit(main(["clean", "--keep-last", "1", "--yes", "--store", sys.argv[2]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("writes", [0, 1, 2, 9, 20, 27, 33, 36, 40, 50])
def test_a_killed_clean_breaks_nothing(tmp_path: Path, home: Path, registry: Registry, writes: int) -> None:
    """At a write, or a deletion, of that number."""
    store = LocalStore(tmp_path / "runs")
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", name="loud").with_model("echo", name="base", fine_tune=False)
    for tokens in (3, 4):
        pipeline.with_generation(max_new_tokens=tokens).run(store=store, registry=registry, progress=Progress())
    kept = list_runs(store)[-1].run

    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(writes), str(store.root)],
        env={**os.environ, "LLMOPS_HOME": str(home)},
        capture_output=True,
        check=False,
    )

    assert -signal.SIGKILL == killed.returncode, killed.stderr
    for metadata in list_runs(store):
        assert () == verify_run(Run.open(store, metadata.run)).damages
    done = clean(keep_last=1, store=store, registry=registry, progress=Progress())
    assert done.is_complete
    assert [kept] == [metadata.run for metadata in list_runs(store)]
    assert () == verify_run(Run.open(store, kept)).damages
    assert [kept] == [path.name for path in (store.root / "runs").iterdir()]
    again = clean(keep_last=1, store=store, registry=registry, progress=Progress())
    assert (0, True) == (again.size, again.is_empty)
