"""Contexts and generations for FMEval, a temporary folder of the test's own, and Dolly's records."""

from __future__ import annotations

import json
import logging
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from llmops_plugins.fmeval import hooks, interpreter
from llmops_sdk import Progress
from llmops_sdk.plugin import (
    Answer,
    Context,
    Generation,
    Outcome,
    Probe,
    TextPrompt,
)
from llmops_sdk.plugin.registry import Registry

Rows = Sequence[tuple[Mapping[str, Any], str]]


@pytest.fixture
def context(tmp_path: Path, assets_home: Path, asset: Callable[[str], Path]) -> Context:
    """The context of a `score` step; its assets are fetched into the cache of the session."""
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


@pytest.fixture(scope="session")
def fmeval_package(fmeval_python: str) -> Path:
    """The folder of the package that is run."""
    command = [fmeval_python, "-I", "-c", "import fmeval; print(fmeval.__path__[0])"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


class Temporary:
    """A folder of temporary files that belongs to the test, and the processes that work in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def commands(self) -> dict[psutil.Process, list[str]]:
        """Return the processes that were started to work below the folder, with their command lines."""
        commands = {}
        for process in psutil.process_iter():
            try:
                home = process.environ().get("HF_HOME", "")
                if home.startswith(f"{self.folder}/") and process.status() != psutil.STATUS_ZOMBIE:
                    commands[process] = process.cmdline()
            except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has ended meanwhile
                continue
        return commands

    def processes(self) -> list[psutil.Process]:
        """Return the processes that were started to work below the folder."""
        return list(self.commands())

    def wait_until_empty(self, seconds: float = 30) -> None:
        """Wait until no folder of FMEval's and no process is left; 0 seconds checks once."""
        until = time.monotonic() + seconds
        while (left := [*self.folder.glob("fmeval-*"), *self.processes()]) and time.monotonic() < until:
            time.sleep(0.05)
        assert left == []


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Temporary]:
    """The folder for temporary files, short enough for Ray's sockets; at the end, no file and no process may be left."""
    del tmp_path  # pytest must make its own first
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
    """Dolly's records, unchanged."""
    with real_data("dolly/dolly_mix_390.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture
def leads(dolly_records: Sequence[Mapping[str, Any]]) -> Rows:
    """Dolly's records of summaries, each with the first sentences of its context as the output."""
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


@pytest.fixture
def fmeval_registry() -> Registry:
    """The fmeval plugin alone."""
    registry = Registry()
    registry.add("fmeval", hooks, distribution="llmops-sdk")
    return registry


@pytest.fixture
def fmeval_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No interpreter is named, and this one has no FMEval."""
    monkeypatch.delenv(interpreter.VARIABLE, raising=False)
    monkeypatch.setattr(interpreter, "_installed", lambda _name: "")


@pytest.fixture
def bare(tmp_path: Path) -> Context:
    """A context without assets, whose only other evaluator is `ProbeEvaluator`."""

    def make(_kind: str, name: str, options: Mapping[str, Any]) -> Any:
        assert "general-semantic-robustness" == name
        return ProbeEvaluator(options)

    def asset(name: str) -> Path:
        pytest.fail(f"the asset {name} is not needed here")

    return Context(folder=tmp_path, home=tmp_path, make=make, asset=asset)


class ProbeEvaluator:
    """Replaces the evaluator that makes the probes: the field in capitals, then unchanged as often as asked for."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._field: str = options["field"]
        self._samples: int = options["num_baseline_samples"]

    def probes(self, _context: Context, record: Mapping[str, Any]) -> list[Probe]:
        """Return the probes of a record."""
        changed = {**record, self._field: record[self._field].upper()}
        baseline = (Probe(f"baseline-{number}", record=record) for number in range(1, self._samples))
        return [Probe("0", record=changed), *baseline]


def generation(record: Mapping[str, Any], probes: Mapping[str, Outcome] | None = None) -> Generation:
    """Return the generation of a record, with the output `out`."""
    return Generation(3, record, TextPrompt(f"Q: {record.get('instruction')}", ""), Answer("out"), probes=probes or {})


def fake_python(folder: Path, command: str) -> str:
    """Write a program that runs a shell command where an interpreter is expected; return its path."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{command}\n")
    program.chmod(0o755)
    return str(program)


def python_with(folder: Path, *versions: str) -> str:
    """Write an interpreter that prints these versions of fmeval, nltk and bert-score; return its path."""
    return fake_python(folder, "printf '%s\\n' " + " ".join(f"'{version}'" for version in versions))
