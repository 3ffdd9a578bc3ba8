"""The datasets on the hub of the tests, and loading them in a process of its own: the libraries read HF_ENDPOINT once."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.datasets.sample import SAMPLE

from .hub_server import Hub

DOLLY = "databricks/databricks-dolly-15k"
NEWS = "press/news"
PRIVATE = "press/private"
TYPES = "press/types"
EMPTY = "press/empty"
OLD, NEW = "a" * 40, "b" * 40
CARD = b"---\nlicense: cc-by-sa-3.0\n---\n# rows\n"

# Loads each of the given datasets in turn, and prints the outcomes.
SCRIPT = """
import json, logging, os, sys
from pathlib import Path

import attrs
import datasets  # noqa: F401
import huggingface_hub
from llmops_plugins.datasets.dolly import DollyDataset
from llmops_plugins.datasets.options import DollyOptions, HuggingFaceOptions
from llmops_plugins.datasets.huggingface import HuggingFaceDataset
from llmops_sdk import Progress, Secret, UserError
from llmops_sdk.testing import make_context

class LoggedLines(Progress):
    lines = []
    def log(self, text):
        self.lines.append(text)

def state():
    constants = huggingface_hub.constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    bars = datasets.are_progress_bars_disabled(), huggingface_hub.utils.are_progress_bars_disabled()
    counts = datasets.config.HF_UPDATE_DOWNLOAD_COUNTS
    # libraries that datasets imports set variables of their own, for OpenMP
    variables = {name: text for name, text in os.environ.items() if not name.startswith("KMP_")}
    return [variables, constants, bars, counts, logging.getLogger("datasets").level]

kinds = {"dolly": (DollyDataset, DollyOptions), "huggingface": (HuggingFaceDataset, HuggingFaceOptions)}
before = state()
for number, (kind, options, offline) in enumerate(json.loads(sys.argv[2])):
    source, options_class = kinds[kind]
    token = options.pop("token", None)
    dataset = source(options_class(**options, token=Secret(token) if token else None))
    folder = Path(sys.argv[1]) / str(number)
    context = attrs.evolve(make_context(folder), offline=offline, progress=LoggedLines())
    LoggedLines.lines = []
    try:
        fingerprint, splits = dataset.fingerprint(context), dataset.load(context)
        outcome = {"fingerprint": fingerprint, "source": dict(splits.source), "train": splits.train.sha256,
                   "test": splits.test.sha256, "rows": splits.train.records, "folder": str(context.folder)}
    except UserError as exc:
        outcome = {"error": type(exc).__name__, "message": str(exc)}
    try:
        preview = source(dataset.options).preview()
    except UserError as exc:
        preview = str(exc)
    print(json.dumps({**outcome, "logged": LoggedLines.lines, "preview": preview}))
print(json.dumps([list(pair) for pair in zip(before, state()) if pair[0] != pair[1]], default=str))
"""

Action = tuple[str, dict[str, Any], bool]
"""The card, its options, and whether the run is offline."""

NEWS_OPTIONS = {
    "id": NEWS,
    "columns": {"context": "article", "response": "highlights"},
    "instruction": "Summarize.",
    "test_fraction": 0.3,
}
ONLINE: dict[str, Action] = {
    "dolly": ("dolly", {"seed": 3}, False),
    "old dolly": ("dolly", {"revision": OLD}, False),
    "no revision": ("dolly", {"revision": "v9"}, False),
    "news": ("huggingface", {**NEWS_OPTIONS, "config": "daily", "test_split": "test", "filter": {"lang": "en"}}, False),
    "a part": ("huggingface", {**NEWS_OPTIONS, "config": "weekly", "split": "train[:50%]"}, False),
    "types": ("huggingface", {"id": TYPES, "test_fraction": 0.5}, False),
    "a date as response": ("huggingface", {"id": TYPES, "columns": {"response": "day"}}, False),
    "a label as response": (
        "huggingface",
        {"id": TYPES, "columns": {"response": "mood"}, "filter": {"mood": ["sad", "glad"]}, "test_fraction": 0.5},
        False,
    ),
    "no configuration": ("huggingface", NEWS_OPTIONS, False),
    "no split": ("huggingface", {**NEWS_OPTIONS, "config": "weekly", "split": "dev"}, False),
    "empty": ("huggingface", {"id": EMPTY}, False),
    "no such": ("huggingface", {"id": "press/nothing"}, False),
    "no id": ("huggingface", {"id": "a/b/c"}, False),
    "no token": ("huggingface", {"id": PRIVATE}, False),
    "wrong token": ("huggingface", {"id": PRIVATE, "token": "env:LLMOPS_TEST_WRONG"}, False),
    "token": ("huggingface", {"id": PRIVATE, "token": "env:LLMOPS_TEST_RIGHT"}, False),
}
OFFLINE: dict[str, Action] = {
    "dolly": ("dolly", {"seed": 3}, True),
    "old dolly": ("dolly", {"revision": OLD}, True),
    "news": ("huggingface", {**NEWS_OPTIONS, "config": "daily", "test_split": "test"}, True),
    "empty": ("huggingface", {"id": EMPTY}, True),
    "not cached": ("huggingface", {"id": "press/nothing"}, True),
    "other revision": ("dolly", {"revision": "v9"}, True),
    "unreachable": ("dolly", {"seed": 3}, False),
    "unreachable, not cached": ("huggingface", {"id": "press/nothing"}, False),
}


@attrs.frozen
class Outcomes:
    """What a process printed about the datasets it loaded, in their order.

    Attributes:
        results: One for each dataset.
        changed: The settings of the process and of the libraries that differ from before.
        stderr: Its standard error.
    """

    results: list[dict[str, Any]]
    changed: list[Any]
    stderr: str


def add_datasets(hub: Hub) -> None:
    """Add the datasets to a hub."""
    rows = SAMPLE.read_bytes()
    shorter = b"".join(rows.splitlines(keepends=True)[:-20])
    hub.datasets[DOLLY] = {
        OLD: {"README.md": CARD, "databricks-dolly-15k.jsonl": shorter},
        NEW: {"README.md": CARD, "databricks-dolly-15k.jsonl": rows},
    }
    configs = b"---\nconfigs:\n- config_name: daily\n  data_files:\n  - {split: train, path: d/train.jsonl}\n"
    configs += b"  - {split: test, path: d/test.jsonl}\n- config_name: weekly\n  data_files: w.jsonl\n---\n"
    news = {"README.md": configs, "d/train.jsonl": _news(0), "d/test.jsonl": _news(100), "w.jsonl": _news(200)}
    hub.datasets[NEWS] = {OLD: news}
    hub.datasets[PRIVATE] = {OLD: {"README.md": CARD, "rows.jsonl": rows}}
    hub.datasets[TYPES] = {OLD: {"README.md": CARD, "rows.parquet": _types()}}
    hub.datasets[EMPTY] = {OLD: {"README.md": CARD}}
    hub.tokens[PRIVATE] = "hf_right"


def load_all(folder: Path, url: str, cache: Path, actions: list[Action], **variables: str) -> Outcomes:
    """Load datasets in a process of its own, with a hub at a URL and a cache in a folder."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    # loopback must not be reached through a proxy
    hub = {"HF_ENDPOINT": url, "HF_HOME": str(cache), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), json.dumps(actions)],
        env={**kept, **hub, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *results, changed = map(json.loads, done.stdout.splitlines())
    return Outcomes(results, changed, done.stderr)


def _news(first: int) -> bytes:
    rows = [
        {"article": f"text {n}", "highlights": f"short {n}", "day": n, "lang": "en"} for n in range(first, first + 9)
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _types() -> bytes:
    """A Parquet file with columns that JSON can hold and columns that it cannot."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    datasets = pytest.importorskip("datasets")

    places = range(4)
    columns = {
        "instruction": [f"do {n}" for n in places],
        "response": ["done"] * 4,
        "tags": [["a", "b"]] * 4,
        "notes": [{"by": "me", "stars": 5}] * 4,
        "half": [0.5, math.nan, math.nan, math.nan],
        "parts": [[0.5, math.nan]] * 4,
        "wide": [math.inf] * 4,
        "mood": [0, 1, -1, None],
        "day": [dt.date(2024, 1, 1)] * 4,
        "dates": [[dt.date(2024, 1, 1)]] * 4,
        "sound": [b"\0\1"] * 4,
    }
    table = pa.table(columns)
    kinds = datasets.Features.from_arrow_schema(table.schema)
    kinds["mood"] = datasets.ClassLabel(names=["sad", "glad"])
    file = io.BytesIO()
    parquet.write_table(table.cast(kinds.arrow_schema), file)
    return file.getvalue()
