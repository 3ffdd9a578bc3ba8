"""A run is ended by TERM, HUP, INT or KILL at many moments: no answer is lost or asked again, and no endpoint is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest
import yaml

from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run
from llmops_sdk.testing import InstantEndpoint
from llmops_sdk.values.answers import Answered
from llmops_sdk.values.probes import ProbeSample
from llmops_sdk.values.prompts import TextPrompt
from llmops_sdk.values.samples import Sample

from .killing import KillingAnswers

RECORDS = 30
"""Test records; each has a probe too."""

CONCURRENCY = 4
IN_FLIGHT = CONCURRENCY + 2
"""The most questions that a kill may lose: those in flight, and two on their way into the journal."""

EXIT_CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}
MOMENTS: tuple[str | int, ...] = ("deploy", 1, 2, 9, 23, 30, 31, 45, 60, "score")
"""A step's own moment, or while the endpoint holds the request of this number."""

_SPECIFICATION = {
    "name": "killed",
    "datasets": [{"use": "lines", "records": 2 * RECORDS, "test_fraction": 0.5}],
    "prompts": ["bare"],
    "evaluators": ["echo-score", "echo-probes"],
}

_PROGRAM = """
    import os, pathlib, sys
    import llmops_sdk.testing
    from llmops_sdk.cli.main import main
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.testing import EchoEndpoint, EchoScore

    endpoint, moment = pathlib.Path("endpoint"), os.environ.get("KILLED_AT", "")

    def end_at(name):
        if moment.startswith(name + " "):
            os.kill(os.getpid(), int(moment.split()[1]))

    class FileEndpoint(EchoEndpoint):
        def deploy(self, context, model):
            endpoint.touch()
            end_at("deploy")
            return super().deploy(context, model)

        def delete(self, context, resource):
            endpoint.unlink(missing_ok=True)

    class Score(EchoScore):
        def evaluate(self, context, generations):
            for score in super().evaluate(context, generations):
                yield score
                if score.index == 10:
                    end_at("score")

    llmops_sdk.testing.deployer.EchoEndpoint = FileEndpoint
    llmops_sdk.testing.evaluators.EchoScore = Score
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    Registry.load = classmethod(lambda cls: registry)
    codes = [main(command.split()) for command in sys.argv[1:]]
    sys.exit(next((code for code in codes if code), 0))
"""


@attrs.frozen
class Ending:
    """What one ended run left, and what became of it.

    Attributes:
        code: The exit code.
        error: Standard error.
        asked: Questions before the end.
        asked_after: Questions of the resumed run.
        kept: Those of them whose answers the journal had.
        repeated: Kept ones that the resumed run asked again.
        asked_twice: Other questions that were asked again: they were in flight.
        lost: Questions without an answer in the resumed run.
        endpoint_left: Whether the endpoint existed after the end.
        gc: What `llmops gc` printed.
        resumed: The exit code of `llmops gc` and of the resumed run.
    """

    code: int
    error: str
    asked: int
    asked_after: int
    kept: int
    repeated: int
    asked_twice: int
    lost: int
    endpoint_left: bool
    gc: str
    resumed: int


def end_run(folder: Path, number: int, moment: str | int) -> Ending:
    """Run, end the run at a moment, collect what it left, and resume it."""
    folder.mkdir(exist_ok=True)
    killing = KillingAnswers(number, moment if isinstance(moment, int) else 0)
    endpoint = InstantEndpoint(killing)
    deployer = {"url": endpoint.url, "concurrency": CONCURRENCY}
    model = {"use": "echo", "fine_tune": False, "deployer": deployer}
    (folder / "killed.yaml").write_text(yaml.safe_dump({**_SPECIFICATION, "models": [model]}), encoding="utf-8")
    try:
        killing.client = start(folder, "run killed.yaml -q", killed_at=f"{moment} {int(number)}")
        killing.started.set()
        error = killing.client.communicate(timeout=120)[1]
        before, kept = list(killing.asked), journalled(folder)
        endpoint_left = (folder / "endpoint").exists()

        again = start(folder, "gc --offline", "run --resume latest -q")
        printed, errors = again.communicate(timeout=120)
        error += errors
    finally:
        endpoint.close()

    after = killing.asked[len(before) :]
    return Ending(
        code=killing.client.returncode,
        error=error,
        asked=len(before),
        asked_after=len(after),
        kept=len(kept),
        repeated=len(kept & set(after)),
        asked_twice=sum(count > 1 for count in Counter(killing.asked).values()),
        lost=2 * RECORDS - len(answered(folder)),
        endpoint_left=endpoint_left,
        gc=printed,
        resumed=again.returncode,
    )


def start(folder: Path, *commands: str, killed_at: str = "") -> subprocess.Popen[str]:
    """Start commands of `llmops`, one after another in one process."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_PROGRAM), *commands],
        cwd=folder,
        env={**os.environ, "LLMOPS_HOME": str(folder / "home"), "PYTHONWARNINGS": "ignore", "KILLED_AT": killed_at},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def journalled(folder: Path) -> set[str]:
    """Return the prompts whose answers the store has, in journals and in finished files."""
    store = LocalStore(folder / "llmops-runs")
    data = [key for key in store.list("artifacts/data/") if key.endswith("/test.jsonl")]
    prompts = [json.loads(line)["context"] for line in (store.get(data[0]) or b"").splitlines()] if data else []
    kept = set()
    for kind, word in (("generations", ""), ("probes", "again ")):
        for key in store.list(f"artifacts/{kind}/"):
            if "/segments/" in key or key.endswith("/generations.jsonl"):
                lines = (store.get(key) or b"").splitlines(keepends=True)
                kept |= {word + prompts[json.loads(line)["index"]] for line in lines if line.endswith(b"\n")}
    return kept


def answered(folder: Path) -> set[str]:
    """Return the prompts that have a right answer in the samples of the latest run, with their probes."""
    run = Run.open(LocalStore(folder / "llmops-runs"), "latest")
    right = set()
    for sample in run.samples("echo.bare.lines"):
        questions: list[Sample | ProbeSample] = [sample, *sample.probes["echo-probes"]]
        for asked in questions:
            assert isinstance(asked.prompt, TextPrompt)
            if isinstance(asked.outcome, Answered) and asked.prompt.text.upper() == asked.outcome.answer.output:
                right.add(asked.prompt.text)
    return right


def check(number: int, moment: str | int, ending: Ending) -> None:
    """Check what holds of every ended run."""
    where = (signal.Signals(number).name, moment, ending)
    killed = number == signal.SIGKILL
    assert EXIT_CODES[signal.Signals(number)] == ending.code, where
    assert "Traceback" not in ending.error, where
    assert killed == ("resume with: llmops run --resume killed-" not in ending.error), where
    assert 0 == ending.lost, where
    assert 0 == ending.repeated, where
    assert ending.asked - ending.kept <= IN_FLIGHT, where
    assert ending.asked_twice <= IN_FLIGHT, where
    assert ending.endpoint_left == (killed and moment != "score"), where
    expected = "deleted" if ending.endpoint_left else "runs left nothing behind"
    assert expected in ending.gc, where
    assert 0 == ending.resumed, where


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGKILL, "deploy"),
        (signal.SIGKILL, 30),
        (signal.SIGTERM, 45),
        pytest.param(signal.SIGHUP, 9, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, 31, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "score", marks=pytest.mark.slow),
    ],
)
def test_an_ended_run_loses_nothing(number: int, moment: str | int, tmp_path: Path) -> None:
    """Its answers are kept and not asked again, only KILL leaves the endpoint, and `llmops gc` deletes that."""
    check(number, moment, end_run(tmp_path / "run", number, moment))


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_run_that_is_ended_under_load_measures_that_load_again(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer of the test is asked again, and what was measured before is not measured again."""
    requests = 20
    monkeypatch.setitem(_SPECIFICATION, "load", {"concurrency": [1, 2], "requests": requests})
    at = 2 * RECORDS + 1 + requests + 7  # all questions, one to warm up, the first load, and a part of the second

    ending = end_run(tmp_path / "run", number, at)

    assert EXIT_CODES[signal.Signals(number)] == ending.code, ending
    assert "Traceback" not in ending.error, ending
    assert (0, 0) == (ending.lost, ending.resumed), ending
    results = Run.open(LocalStore(tmp_path / "run" / "llmops-runs"), "latest").results()
    assert [(1, requests, 0), (2, requests, 0)] == [
        (level.concurrency, level.requests, level.failed) for level in results.loads[0].levels
    ]
    assert 1 + requests == ending.asked_after, ending


@pytest.mark.rare(reason="five minutes; single kills are tested above")
@pytest.mark.timeout(3600)
def test_forty_ended_runs_lose_nothing(tmp_path: Path) -> None:
    """Four signals at ten moments each; prints the figures."""
    endings = {
        (number, moment): end_run(tmp_path / f"{signal.Signals(number).name}-{moment}", number, moment)
        for number in EXIT_CODES
        for moment in MOMENTS
    }
    for number in EXIT_CODES:
        print(  # noqa: T201 - the figures are what this test is for
            signal.Signals(number).name, _figures(ending for (sent, _), ending in endings.items() if sent == number)
        )
    for (number, moment), ending in endings.items():
        check(number, moment, ending)


def _figures(endings: Iterable[Ending]) -> dict[str, int]:
    chosen = list(endings)
    return {
        "runs": len(chosen),
        "asked": sum(ending.asked for ending in chosen),
        "kept": sum(ending.kept for ending in chosen),
        "lost": sum(ending.lost for ending in chosen),
        "kept, asked again": sum(ending.repeated for ending in chosen),
        "in flight, asked again": sum(ending.asked_twice for ending in chosen),
        "endpoints left": sum(ending.endpoint_left for ending in chosen),
        "deleted by gc": sum("1 deleted" in ending.gc for ending in chosen),
    }
