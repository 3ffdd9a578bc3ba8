"""A job for FMEval, and the folder in which a process of its own does it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.fmeval.interpreter import FMEVAL
from llmops_plugins.fmeval.leftovers import delete_abandoned, owned
from llmops_sdk.plugin import LLMOpsError

_HERE = Path(__file__).parent
_PREFIX = "fmeval-"
_SCRIPTS = ("child.py", "worker.py")
_METRICS = ("rouge", "bertscore", "wer")

# The environment variables that FMEval's process inherits. No others: a RAY_ADDRESS would make Ray use some cluster, a
# PYTHONPATH could put another package before FMEval's.
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

# The path of a unix socket has at most 107 characters on Linux and 103 on macOS; Ray's sockets are this deep in the folder.
_SOCKET = "/fmeval-12345678/ray/session_2026-01-02_03-04-05_123456_1234567/sockets/plasma_store"
_SOCKET_PATH = 103

_GRACE_SECONDS = 20.0
_LOG_LINES = 40
_LOG = logging.getLogger(__name__)
_ONE_AT_A_TIME = threading.Lock()


@attrs.frozen(kw_only=True)
class Job:
    """A job. `worker.py` reads it as JSON.

    Attributes:
        module: The algorithm's module in `fmeval.eval_algorithms`.
        name: The algorithm's class in it; its configuration's class has this name with `Config` appended.
        config: The arguments of the configuration.
        columns: FMEval's names of the columns in `records.jsonl`.
        row_column: One of FMEval's columns that this algorithm does not read; it carries the row's number.
        sample: Argument of `evaluate_sample` -> column.
        labels_from_targets: Whether `valid_labels` of the configuration are the targets of all records.
        one_by_one: Whether only `evaluate_sample` is used, and each record has `answers`, the answers of a model runner:
            [prompt, output] in the order in which FMEval asks.
        encoder: The name (`model`) and the layer (`layers`) of BERTScore's encoder, or None where FMEval loads its own.
        workers: Processes side by side.
        fmeval: The version of FMEval that the process must have.
    """

    module: str
    name: str
    config: Mapping[str, Any] = attrs.field(factory=dict)
    columns: tuple[str, ...]
    row_column: str = "sent_more_input"
    sample: Mapping[str, str]
    labels_from_targets: bool = False
    one_by_one: bool = False
    encoder: Mapping[str, Any] | None = None
    workers: int = 1
    fmeval: str = FMEVAL


@contextmanager
def workplace() -> Iterator[Path]:
    """Make a folder for one job, with the scripts and the metric modules; delete it at the end.

    First, folders that killed jobs could not delete are deleted. The metric modules are in the layout of the cache of
    `evaluate`, where any 64 characters can be a version's folder.
    """
    parent = _short_temporary_folder()
    delete_abandoned(Path(parent), _PREFIX)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        with owned(folder):
            _fill(folder)
            yield folder
    finally:
        _delete(folder)


def add_model(folder: Path, name: str, files: Path) -> None:
    """Put a model into the job's own Hugging Face cache, where its libraries find it by name without a network.

    Args:
        folder: The job's folder.
        name: The hub id.
        files: The folder with the model's files.
    """
    cached = folder / "home/hub" / f"models--{name.replace('/', '--')}"
    revision = "0" * 40
    (cached / "refs").mkdir(parents=True)
    (cached / "refs/main").write_text(revision, encoding="ascii")
    (cached / "snapshots").mkdir()
    (cached / "snapshots" / revision).symlink_to(files.resolve(), target_is_directory=True)


def run(
    folder: Path, job: Job, python: str, *, nltk_data: tuple[Path, ...] = (), log: logging.Logger = _LOG
) -> dict[str, Any]:
    """Run FMEval on the folder's `records.jsonl`; return its metadata. The results are in `results.jsonl`.

    The jobs of one process run one after another: Ray takes all processors, and some GB of memory.

    Raises:
        LLMOpsError: FMEval's process was killed, or FMEval could not be started; with the last lines of its log.
    """
    (folder / "job.json").write_text(json.dumps(attrs.asdict(job)), encoding="utf-8")
    with _ONE_AT_A_TIME:
        code = _run(folder, python, environment(folder, job, nltk_data))
    lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    log.debug("the last log lines of FMEval's process:\n%s", "\n".join(lines))
    metadata: dict[str, Any] = {}
    if (folder / "metadata.json").is_file():
        metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    if code == 0 and "failure" not in metadata:
        return metadata
    reason = metadata.get("failure") or f"its process ended with code {code}; last log lines: {' / '.join(lines[-3:])}"
    if not metadata and code in (-9, 137):
        reason = "its process was killed; the system may have run out of memory: set workers=1"
    message = f"fmeval: {reason}"
    raise LLMOpsError(message)


def environment(folder: Path, job: Job, nltk_data: tuple[Path, ...]) -> dict[str, str]:
    """Return the environment of FMEval's process: nothing in it leads to a network, or out of the folder."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **inherited,
        "TMPDIR": str(folder / "tmp"),
        "HF_HOME": str(folder / "home"),
        "HF_MODULES_CACHE": str(folder / "modules"),
        "HF_EVALUATE_OFFLINE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TORCH_HOME": str(folder / "home/torch"),
        "NLTK_DATA": os.pathsep.join(map(str, nltk_data)),
        "MPLCONFIGDIR": str(folder / "home"),
        "EVAL_RESULTS_PATH": str(folder / "results"),
        "PARALLELIZATION_FACTOR": str(job.workers),
        "DISABLE_FMEVAL_TELEMETRY": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # Ray's default, 15, lets them wait for every other program
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        # at import, FMEval makes an S3 client, which looks for a region and for credentials
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _run(folder: Path, python: str, variables: Mapping[str, str]) -> int:
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the user's interpreter, a file of ours
            [python, str(folder / "child.py"), str(folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=variables,
            cwd=folder / "cwd",  # `evaluate` would run a script with a metric's name in the current folder
            start_new_session=True,  # Ctrl-C in a terminal reaches only the SDK
        )
    try:
        return process.wait()
    finally:
        if process.stdin is not None:
            process.stdin.close()  # which ends the process if it still runs
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _fill(folder: Path) -> None:
    for script in _SCRIPTS:
        shutil.copyfile(_HERE / script, folder / script)
    for name in ("cwd", "home", "results", "tmp"):
        (folder / name).mkdir()
    for metric in _METRICS:
        module = folder / f"modules/evaluate_modules/metrics/evaluate-metric--{metric}" / ("0" * 64)
        module.mkdir(parents=True)
        shutil.copyfile(_HERE / "metric_modules" / f"{metric}.py", module / f"{metric}.py")
    for package in (folder / "modules").rglob("*/"):
        (package / "__init__.py").touch()
    (folder / "modules/__init__.py").touch()


def _short_temporary_folder() -> str:
    default = tempfile.gettempdir()
    return default if len(default) + len(_SOCKET) <= _SOCKET_PATH else "/tmp"  # noqa: S108 - mkdtemp makes a folder in it


def _delete(folder: Path) -> None:
    """Delete a folder in which a process may still be ending."""
    until = time.monotonic() + _GRACE_SECONDS
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            time.sleep(0.1)
