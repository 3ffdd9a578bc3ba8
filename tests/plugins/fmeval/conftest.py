"""A context with the real assets and the other plugins, a temporary folder of the test's own, and Dolly's records."""

from __future__ import annotations

import json
import logging
import random
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from llmops_sdk import Progress
from llmops_sdk.plugin import Answer, Context, Generation, TextPrompt
from llmops_sdk.plugin.registry import Registry

Rows = Sequence[tuple[Mapping[str, Any], str]]


@pytest.fixture
def context(tmp_path: Path, assets_home: Path, asset: Callable[[str], Path]) -> Context:
    """What a step would hand to an evaluator; its assets are fetched into the cache of the session."""
    return Context(
        run_id="20260102-030405-ab12",
        step="score",
        folder=tmp_path,
        home=assets_home,
        offline=True,
        progress=Progress(),
        log=logging.getLogger("llmops.test"),
        settings={},
        make=Registry.load().make,
        asset=asset,
    )


@pytest.fixture
def needs_fmeval(needs: Callable[..., None]) -> None:
    """Skip or fail where FMEval cannot run."""
    needs("fmeval", "bert_score")


class Temporary:
    """A folder of temporary files that belongs to the test, and who works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def commands(self) -> dict[psutil.Process, list[str]]:
        """Return the processes that were started to work below the folder, with their command lines."""
        found = {}
        for process in psutil.process_iter():
            try:
                home = process.environ().get("HF_HOME", "")
                if home.startswith(f"{self.folder}/") and process.status() != psutil.STATUS_ZOMBIE:
                    found[process] = process.cmdline()
            except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has ended while it was looked at
                continue
        return found

    def processes(self) -> list[psutil.Process]:
        """Return the processes that were started to work below the folder."""
        return list(self.commands())

    def wait_until_empty(self, seconds: float = 30) -> None:
        """Wait until no folder of FMEval's is there and no process works there; 0 seconds is at once."""
        until = time.monotonic() + seconds
        while (left := [*self.folder.glob("fmeval-*"), *self.processes()]) and time.monotonic() < until:
            time.sleep(0.05)
        assert left == []


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Temporary]:
    """The folder for temporary files, short enough for Ray's sockets; nothing may be in it at the end, nor be running."""
    del tmp_path  # pytest's own is made before
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    temporary = Temporary(folder)
    yield temporary
    temporary.wait_until_empty()
    shutil.rmtree(folder)


@pytest.fixture
def generations() -> Callable[[Rows], list[Generation]]:
    """Make generations of (record, output), with indexes 10, 11, ... and the record's instruction in the prompt."""

    def make(rows: Rows) -> list[Generation]:
        return [
            Generation(index, record, TextPrompt(f"{record.get('instruction', '')}\n", ""), Answer(output))
            for index, (record, output) in enumerate(rows, start=10)
        ]

    return make


@pytest.fixture
def dolly_records(real_data: Callable[[str], Path]) -> Sequence[Mapping[str, Any]]:
    """Dolly's records as they are."""
    with real_data("dolly/dolly_mix_390.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture
def leads(dolly_records: Sequence[Mapping[str, Any]]) -> Rows:
    """Dolly's records of summaries, each with an output that nobody made up: the first sentences of its context."""
    rows: list[tuple[Mapping[str, Any], str]] = []
    for record in dolly_records:
        if record["category"] == "summarization":
            sentences = re.split(r"(?<=[.?!])\s", record["context"])
            rows.append((record, " ".join(sentences[: 1 + len(rows) % 4])))
    return rows


@pytest.fixture
def dolly(dolly_records: Sequence[Mapping[str, Any]]) -> Rows:
    """Dolly's records of up to 120 words, each with an output: its reference with words dropped, moved, and taken from its context."""
    shuffle = random.Random(20)
    rows = []
    for record in dolly_records:
        words, others = record["response"].split(), record["context"].split() or ["nothing"]
        if len(words) <= 120:
            kept = [
                shuffle.choice(others) if shuffle.random() < 0.1 else word for word in words if shuffle.random() > 0.15
            ]
            cut = shuffle.randrange(len(kept) + 1)
            rows.append((record, " ".join(kept[cut:] + kept[:cut])))
    return rows
