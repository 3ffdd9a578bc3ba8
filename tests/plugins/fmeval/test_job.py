"""The process FMEval runs in: its folder, its environment, and that nothing is left of it, however it ends.

What FMEval's part does is told to the real `child.py` by a `worker.py` of the test's own, so that it takes no time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from llmops_plugins.fmeval.job import Job, add_model, environment, run, workplace
from llmops_sdk import LLMOpsError

JOB = Job(module="m", name="N", columns=(), sample={})

# A worker with a child of its own, as Ray has them, and files in Ray's folder.
BUSY = """
import json, os, subprocess, sys, threading, time
from pathlib import Path
def end():
    while os.read(0, 1): pass
    os.killpg(0, 9)
threading.Thread(target=end, daemon=True).start()
folder = Path(sys.argv[1])
(folder / "ray").mkdir()
(folder / "ray" / "session").write_text("x")
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(folder / "started").write_text(str(grandchild.pid))
"""
SLEEP = "\ntime.sleep(600)\n"
# A process that runs a job with the script in its first argument, as the SDK would.
PARENT = """
import sys, tempfile
from pathlib import Path
from llmops_plugins.fmeval.job import Job, run, workplace
tempfile.tempdir = sys.argv[2]
with workplace() as folder:
    (folder / "worker.py").write_text(sys.argv[1])
    run(folder, Job(module="m", name="N", columns=(), sample={}), sys.executable)
"""


def test_what_the_worker_leaves_running_is_ended(temporary: Any) -> None:
    """Its facts come back, its processes are gone and so are Ray's files, while the rest is still to be read."""
    with workplace() as folder:
        (folder / "worker.py").write_text(
            BUSY + '(folder / "metadata.json").write_text(json.dumps({"run": "evaluate"}))'
        )

        assert run(folder, JOB, sys.executable) == {"run": "evaluate"}

        assert not psutil.pid_exists(int((folder / "started").read_text()))
        assert not (folder / "ray").exists()
        assert (folder / "metadata.json").exists()
    temporary.wait_until_empty(seconds=0)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise OSError('no memory of it')", "its process ended with code 1; last log lines: .*no memory of it"),
        ("import os; os.kill(os.getpid(), 9)", "its process was killed; the system may have run out of memory"),
        (
            BUSY
            + '(folder / "metadata.json").write_text(json.dumps({"failure": "there is no such layer"})); os._exit(1)',
            "fmeval: there is no such layer",
        ),
    ],
)
def test_a_worker_that_ends_badly_is_told_of(temporary: Any, script: str, message: str) -> None:
    """With its last words, or what it wrote down itself; nothing is left."""
    with workplace() as folder:
        (folder / "worker.py").write_text(script)
        with pytest.raises(LLMOpsError, match=message):
            run(folder, JOB, sys.executable)
    temporary.wait_until_empty(seconds=0)


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_sdk_is_ended(temporary: Any, name: signal.Signals) -> None:
    """Killed, ended, or interrupted in a terminal, while FMEval works."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, BUSY + SLEEP, str(temporary.folder)], stderr=subprocess.DEVNULL
    ) as sdk:
        _wait_for(lambda: list(temporary.folder.glob("*/started")))
        _wait_for(lambda: len(temporary.processes()) == 3)  # a process that just started shows no environment yet
        os.kill(sdk.pid, name)
    temporary.wait_until_empty()


@pytest.mark.parametrize("which", ["child.py", "worker.py"])
def test_nothing_is_left_when_one_of_its_processes_is_killed(temporary: Any, which: str) -> None:
    """The SDK says so, and each of the processes ends the others."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, BUSY + SLEEP, str(temporary.folder)], stderr=subprocess.PIPE, text=True
    ) as sdk:
        _wait_for(lambda: list(temporary.folder.glob("*/started")))
        (victim,) = [
            found for found, command in temporary.commands().items() if command[1:2] and command[1].endswith(which)
        ]
        victim.kill()
        assert "its process was killed" in sdk.communicate(timeout=60)[1]
    temporary.wait_until_empty()


def test_a_folder_that_nobody_was_left_to_delete_is_deleted_by_the_next_job(temporary: Any) -> None:
    """All were killed at once; folders that a living process works in, or that are none of ours, stay."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, BUSY + SLEEP, str(temporary.folder)], stderr=subprocess.DEVNULL
    ) as sdk:
        _wait_for(lambda: list(temporary.folder.glob("*/started")))
        processes = temporary.processes()
        for process in processes:
            process.suspend()  # so that none can act when the others are killed
        sdk.kill()
        for process in processes:
            process.kill()
    psutil.wait_procs(processes, timeout=60)
    (orphan,) = temporary.folder.glob("fmeval-*")
    other = temporary.folder / "fmeval-notes"
    other.mkdir()

    with workplace() as first, workplace() as second:
        assert {other, first, second} == set(temporary.folder.glob("fmeval-*"))

    assert not orphan.exists()
    other.rmdir()


def test_the_environment_is_made_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What could lead to a network, to somebody's Ray or to another FMEval is not handed on."""
    for name in ("RAY_ADDRESS", "PYTHONPATH", "HTTPS_PROXY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "EVAL_RESULTS_PATH"):
        monkeypatch.setenv(name, "outside")
    made = environment(tmp_path, JOB, (Path("/a"), Path("/b")))

    assert "outside" not in made.values()
    assert {"1"} == {made[name] for name in made if name.endswith("_OFFLINE")}
    assert f"/a{os.pathsep}/b" == made["NLTK_DATA"]
    assert str(tmp_path) in made["HF_MODULES_CACHE"]


@pytest.mark.usefixtures("temporary")
def test_metric_modules_are_where_evaluate_looks() -> None:
    """In its cache's layout, each folder a package; the current folder, where it looks first, is empty."""
    with workplace() as folder:
        for name in ("rouge", "bertscore", "wer"):
            (module,) = folder.glob(f"modules/evaluate_modules/metrics/evaluate-metric--{name}/*/{name}.py")
            assert len(module.parent.name) == 64
            for parent in module.relative_to(folder).parents[:-1]:
                assert (folder / parent / "__init__.py").is_file()
        assert list((folder / "cwd").iterdir()) == []


def test_sockets_fit_into_their_length(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A long TMPDIR gives way to /tmp: a unix socket's path is short."""
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with workplace() as folder:
        assert len(str(folder / "ray/session_2026-01-02_03-04-05_123456_1234567/sockets/plasma_store")) <= 103


def test_a_model_is_found_by_its_name(tmp_path: Path, needs: Callable[..., None]) -> None:
    """By Hugging Face's own look-up, without a network."""
    needs("huggingface_hub")
    from huggingface_hub import try_to_load_from_cache

    (tmp_path / "files").mkdir()
    (tmp_path / "files/config.json").write_text(json.dumps({"a": 1}))
    add_model(tmp_path, "some/model", tmp_path / "files")
    cached = try_to_load_from_cache("some/model", "config.json", cache_dir=tmp_path / "home/hub")

    assert isinstance(cached, str)
    assert json.loads(Path(cached).read_text()) == {"a": 1}


def _wait_for(there: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until
        time.sleep(0.02)
