"""A job for FMEval: its folder, its environment, and the result of its process."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from llmops_plugins.fmeval.job import Job, add_model, environment, run, workplace
from llmops_sdk import LLMOpsError

from .workers import BUSY

JOB = Job(module="m", name="N", columns=(), sample={})


def test_what_the_worker_leaves_running_is_ended(temporary: Any) -> None:
    """Its metadata is returned; its processes and Ray's files are gone, and the other files can still be read."""
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
def test_a_failed_worker_is_an_error_with_the_reason(temporary: Any, script: str, message: str) -> None:
    """The last log lines, or the failure that it wrote; nothing is left."""
    with workplace() as folder:
        (folder / "worker.py").write_text(script)
        with pytest.raises(LLMOpsError, match=message):
            run(folder, JOB, sys.executable)
    temporary.wait_until_empty(seconds=0)


def test_the_environment_is_not_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that could lead to a network, to another Ray or to another FMEval is passed on."""
    for name in ("RAY_ADDRESS", "PYTHONPATH", "HTTPS_PROXY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "EVAL_RESULTS_PATH"):
        monkeypatch.setenv(name, "outside")
    variables = environment(tmp_path, JOB, (Path("/a"), Path("/b")))

    assert "outside" not in variables.values()
    assert {"1"} == {variables[name] for name in variables if name.endswith("_OFFLINE")}
    assert f"/a{os.pathsep}/b" == variables["NLTK_DATA"]
    assert str(tmp_path) in variables["HF_MODULES_CACHE"]


@pytest.mark.usefixtures("temporary")
def test_metric_modules_are_where_evaluate_looks() -> None:
    """In the layout of its cache, where each folder is a package; the current folder, where it looks first, is empty."""
    with workplace() as folder:
        for name in ("rouge", "bertscore", "wer"):
            (module,) = folder.glob(f"modules/evaluate_modules/metrics/evaluate-metric--{name}/*/{name}.py")
            assert len(module.parent.name) == 64
            for parent in module.relative_to(folder).parents[:-1]:
                assert (folder / parent / "__init__.py").is_file()
        assert list((folder / "cwd").iterdir()) == []


def test_socket_paths_are_short_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a long TMPDIR, /tmp is used: the path of a unix socket has a limit."""
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with workplace() as folder:
        assert len(str(folder / "ray/session_2026-01-02_03-04-05_123456_1234567/sockets/plasma_store")) <= 103


def test_a_model_is_found_by_its_name(tmp_path: Path, needs: Callable[..., None]) -> None:
    """By Hugging Face's own lookup, without a network."""
    needs("huggingface_hub")
    from huggingface_hub import try_to_load_from_cache

    (tmp_path / "files").mkdir()
    (tmp_path / "files/config.json").write_text(json.dumps({"a": 1}))
    add_model(tmp_path, "some/model", tmp_path / "files")
    cached = try_to_load_from_cache("some/model", "config.json", cache_dir=tmp_path / "home/hub")

    assert isinstance(cached, str)
    assert json.loads(Path(cached).read_text()) == {"a": 1}
