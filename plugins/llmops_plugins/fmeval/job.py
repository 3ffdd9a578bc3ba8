"""What is asked of FMEval, and the folder in which a process of its own answers."""

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
from llmops_plugins.fmeval.leftovers import owned, sweep
from llmops_sdk.plugin import LLMOpsError

_HERE = Path(__file__).parent
_PREFIX = "fmeval-"
_SCRIPTS = ("child.py", "worker.py")
_METRICS = ("rouge", "bertscore", "wer")

# What FMEval's process keeps of this one's environment. Nothing else is taken over: a RAY_ADDRESS would make Ray use
# somebody's cluster, a PYTHONPATH could put another package before FMEval's.
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

# A unix socket's path has at most 107 characters on Linux and 103 on macOS, and Ray puts its sockets this far down.
_SOCKET = "/fmeval-12345678/ray/session_2026-01-02_03-04-05_123456_1234567/sockets/plasma_store"
_SOCKET_PATH = 103

_GRACE_SECONDS = 20.0
_LOG_LINES = 40
_LOG = logging.getLogger(__name__)
_ONE_AT_A_TIME = threading.Lock()


@attrs.frozen(kw_only=True)
class Job:
    """What FMEval is asked. `worker.py` reads it as JSON.

    Attributes:
        module: Below `fmeval.eval_algorithms`.
        name: Of the algorithm's class there; its configuration's class is called so too, with `Config` behind.
        config: What that is made with.
        columns: FMEval's names of the columns in `records.jsonl`.
        row_column: One of FMEval's columns that this algorithm does not read; it carries the row's number.
        sample: How `evaluate_sample` calls its arguments -> the column.
        labels_from_targets: Whether the configuration's `valid_labels` are the targets of all records.
        one_by_one: Whether only `evaluate_sample` is used, and each record has `answers`, what a model runner answers:
            [prompt, output] in the order in which FMEval asks.
        encoder: The folder and the layers of BERTScore's encoder, or None where FMEval loads one by its name.
        workers: Processes side by side.
        fmeval: The version that must be there.
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
    """Make a folder for one job, with the scripts and the metric modules, and delete it with all that is in it.

    Folders of jobs that were killed before they could delete theirs are deleted first. The metric modules are in the layout
    of the cache of `evaluate`: any 64 characters do for a version's folder.
    """
    parent = _short_temporary_folder()
    sweep(Path(parent), _PREFIX)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        with owned(folder):
            _fill(folder)
            yield folder
    finally:
        _delete(folder)


def add_model(folder: Path, name: str, files: Path) -> None:
    """Let Hugging Face's libraries of the job find a model by its name, without a network.

    Args:
        folder: The job's.
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
    """Have FMEval do the job on the folder's `records.jsonl`; return its facts. The results are in `results.jsonl`.

    Jobs of one process run one after another: Ray takes all processors, and some GB.

    Raises:
        LLMOpsError: FMEval's process was killed, or FMEval could not be started; with the last lines of its log.
    """
    (folder / "job.json").write_text(json.dumps(attrs.asdict(job)), encoding="utf-8")
    with _ONE_AT_A_TIME:
        code = _run(folder, python, environment(folder, job, nltk_data))
    said = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    log.debug("FMEval's process said at its end:\n%s", "\n".join(said))
    metadata: dict[str, Any] = {}
    if (folder / "metadata.json").is_file():
        metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    if code == 0 and "failure" not in metadata:
        return metadata
    why = metadata.get("failure") or f"its process ended with code {code}; its last words: {' / '.join(said[-3:])}"
    if not metadata and code in (-9, 137):
        why = "its process was killed; the system may have run out of memory: give workers=1"
    message = f"fmeval: {why}"
    raise LLMOpsError(message)


def environment(folder: Path, job: Job, nltk_data: tuple[Path, ...]) -> dict[str, str]:
    """Return the whole environment of FMEval's process: nothing in it leads to a network, or out of the folder."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
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
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        # FMEval makes an S3 client when it is imported, which looks for a region and for credentials
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
            cwd=folder / "cwd",  # `evaluate` runs a script of a metric's name in the current folder, if there is one
            start_new_session=True,  # Ctrl-C in a terminal reaches the SDK alone
        )
    try:
        return process.wait()
    finally:
        if process.stdin is not None:
            process.stdin.close()  # which ends the process where it has not ended
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
    usual = tempfile.gettempdir()
    return usual if len(usual) + len(_SOCKET) <= _SOCKET_PATH else "/tmp"  # noqa: S108 - mkdtemp makes a folder in it


def _delete(folder: Path) -> None:
    """Delete a folder in which a process may still be dying."""
    until = time.monotonic() + _GRACE_SECONDS
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            time.sleep(0.1)
