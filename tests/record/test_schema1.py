"""A store that version 0.1 wrote: every command and step reads it.

The fixture `schema1/` holds a finished run `old-...` (a candidate that failed in training, answers that failed, probes,
notes) and a run `half-...` that was killed while its endpoint was asked: 3 answers in a segment, and a truncated line.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from llmops_sdk import Progress, load, rescore, resume
from llmops_sdk.cli.main import main
from llmops_sdk.gc.find import find_leftovers
from llmops_sdk.gc.leftover import Choice
from llmops_sdk.plugin import Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.artifacts import read_artifact
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import list_runs
from llmops_sdk.record.schema1 import upgrade_metadata, upgrade_outcome, upgrade_sample, upgrade_score
from llmops_sdk.report.collect import collect
from llmops_sdk.report.render import render_report
from llmops_sdk.values.answers import Answer, Answered, Unanswered
from llmops_sdk.values.artifacts import GenerationsValue, ScoresValue
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.prompts import TextPrompt
from llmops_sdk.values.results import RESULTS_SCHEMA
from llmops_sdk.values.step_records import Succeeded

from ..report.page_text import page_records

OLD, HALF = "old-20261129-034601-0718", "half-20261129-034602-3c58"


@pytest.fixture(name="store")
def _store(tmp_path: Path, home: Path) -> LocalStore:  # noqa: ARG001 - nothing is cached outside the test
    folder = tmp_path / "runs"
    shutil.copytree(Path(__file__).parent / "schema1", folder)
    return LocalStore(folder)


def test_the_runs_are_listed(store: LocalStore) -> None:
    """With their metadata as values of today."""
    old, half = list_runs(store)

    assert (OLD, HALF) == (old.run, half.run)
    assert ("old", "0.1.0", "3.11.7", "", {}, 2) == (
        old.name,
        old.version,
        old.python,
        old.based_on,
        old.details,
        old.schema,
    )


def test_the_results_are_read(store: LocalStore) -> None:
    """The candidates with their estimates, trainings and failures; nothing is pending."""
    result = load("old", store=store)

    (board,) = result.leaderboards
    loud, flaky, quiet = board.cells
    assert ("loud", "flaky", "quiet") == (loud.candidate, flaky.candidate, quiet.candidate)
    assert (6, 10) == (flaky.answered, flaky.records)
    assert loud.training is not None
    assert ({}, "echo", 10) == (loud.training.metadata, loud.training.base.format, loud.training.metrics["rows"])
    assert (0, {}) == (loud.pending, loud.pending_scores)
    assert [("bad", "train.bad.bare.lines")] == [(cell.candidate, cell.step) for cell in result.failures]
    assert "loud" == result.decision().best
    assert RESULTS_SCHEMA == result.results.schema


def test_the_samples_are_read(store: LocalStore) -> None:
    """Answered and failed records, scores, notes and probes are classes of today."""
    run = Run.open(store, OLD)
    samples = list(run.samples("flaky.bare.lines"))

    first, second, *_ = samples
    assert list(range(10)) == [sample.index for sample in samples]
    assert Unanswered(0, "the endpoint answered 400: the content was refused") == first.outcome
    assert ({}, None) == (first.scores, first.output)
    again, likelihood = first.probes["echo-probes"]
    assert Unanswered(0, "the endpoint answered 400: the content was refused") == again.outcome
    assert Answered(0, Answer(log_probability=-0.1)) == likelihood.outcome
    assert TextPrompt("again line 0") == again.prompt
    answer = Answer("line 1", 2, 2, "stop", latency=0.0125)
    assert Answered(1, answer) == second.outcome
    assert TextPrompt("line 1") == second.prompt
    assert {"echo-probes": {"kept": "0 of 1"}} == second.notes
    assert {"exact": 0.0, "likelihood": -0.1, "noise": 0.9068603515625, "steady": 0.0} == second.scores


def test_the_values_of_artifacts_are_read(store: LocalStore) -> None:
    """Trained models, generations and scores."""
    run = Run.open(store, OLD)

    def value(step: str, name: str, cls: type) -> object:
        record = run.record(step)
        assert isinstance(record, Succeeded)
        artifact = read_artifact(store, record.artifacts[name])
        assert artifact is not None
        return artifact.read(cls)

    model = value("train.loud.bare.lines", "model", TrainedModel)
    generations = value("generate.flaky", "flaky.bare.lines", GenerationsValue)
    scores = value("score.flaky.bare.lines", "scores.echo-score", ScoresValue)
    assert isinstance(model, TrainedModel)
    assert ("voice", {}) == (model.uri, model.metadata)
    assert isinstance(generations, GenerationsValue)
    assert (10, 6, 0) == (generations.records, generations.answered, generations.pending)
    assert isinstance(scores, ScoresValue)
    assert (6, 0, 0) == (scores.scored, scores.unscored, scores.pending)


def test_the_report_is_rendered(store: LocalStore) -> None:
    """With what the run's record has of it."""
    page = render_report(collect(Run.open(store, OLD)))

    assert "failed in train.bad.bare.lines" in page
    texts = str(page_records(page))
    assert "the content was refused" in texts
    assert "again line 1" in texts


def test_the_finished_run_is_rescored(store: LocalStore, registry: Registry, asked: list[str]) -> None:
    """No model is asked, and the scores that exist are reused."""
    new = [{"use": "qa-accuracy", "metrics": ["f1"]}]

    result = rescore(OLD, new, store=store, progress=Progress(), registry=registry)

    assert [] == asked
    (board,) = result.leaderboards
    assert [10, 10, 10] == [cell.estimates["f1"].records for cell in board.cells]
    assert [{}, {}, {"f1": 4}] == sorted(({**cell.failures} for cell in board.cells), key=len)
    assert {"exact", "noise", "steady", "likelihood", "f1"} == set(board.cells[0].estimates)
    assert OLD == result.run.metadata.based_on
    for cell in board.cells:
        old = Run.open(store, OLD).record(f"score.{cell.cell}")
        rescored = result.run.record(f"score.{cell.cell}")
        assert isinstance(old, Succeeded)
        assert isinstance(rescored, Succeeded)
        assert old.artifacts["scores.echo-probes"] == rescored.artifacts["scores.echo-probes"]


def test_the_unfinished_run_is_resumed(store: LocalStore, registry: Registry, asked: list[str]) -> None:
    """Only the records without a complete line in the segment are asked; afterwards all of them are in order."""
    result = resume(HALF, store=store, progress=Progress(), registry=registry)

    assert 20 - 3 == len(asked) == len(set(asked))
    (cell,) = result.leaderboards[0].cells
    assert 20 == cell.answered == cell.records
    samples = list(result.run.samples(cell.cell))
    assert list(range(20)) == [sample.index for sample in samples]
    kept = [sample.answer for sample in samples if sample.record["context"].upper() not in {p.upper() for p in asked}]
    assert [0.0029, 0.0016, 0.0021] == [answer.latency for answer in kept if answer is not None]


def test_the_finished_run_is_complete(store: LocalStore, registry: Registry, asked: list[str]) -> None:
    """Resuming it repeats the failed training only, and asks nothing."""
    result = resume(OLD, store=store, progress=Progress(), registry=registry)

    assert [] == asked
    assert ["bad"] == [cell.candidate for cell in result.failures]


def test_the_commands_show_it(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    """`runs`, `show`, `logs` and `report` read it."""

    def llmops(*arguments: str, code: int = 0) -> str:
        assert code == main([*arguments, "--store", store.uri])
        return capsys.readouterr().out

    assert [OLD, HALF] == [run["run"] for run in json.loads(llmops("runs", "--json"))]
    assert OLD in llmops("runs")
    assert "loud has the best mean" in llmops("show", "old", code=3)  # a candidate failed
    assert "train.bad.bare.lines" in llmops("logs", "old")
    assert llmops("report", "old").strip().endswith("report.html")


def test_gc_reads_its_ledgers(store: LocalStore, registry: Registry, home: Path) -> None:
    """Its resources were deleted, which the ledgers have: nothing is left."""
    leftovers = find_leftovers(store, Runtime(registry, home, offline=True), Choice())

    assert ((), ()) == (leftovers.items, leftovers.unreachable)
    assert [3, 1] == [len(Run.open(store, run_id).ledger()) for run_id in (OLD, HALF)]
    assert all(entry.deleted for run_id in (OLD, HALF) for entry in Run.open(store, run_id).ledger())


def test_metadata_of_an_executor_is_kept() -> None:
    """What a rehearsal had added to `run.json`, under another name."""
    upgraded = upgrade_metadata({"run": "r", "schema": 1, "facts": {"rehearsal 1": "no AWS"}})

    assert {"run": "r", "schema": 2, "details": {"rehearsal 1": "no AWS"}} == upgraded


def test_failures_are_for_good_or_for_now() -> None:
    """A failure that was not permanent is pending; a record without a score is unscored."""
    assert "Pending" == upgrade_outcome({"index": 0, "error": "busy", "permanent": False})["type"]
    assert "Unanswered" == upgrade_outcome({"index": 0, "error": "refused", "permanent": True})["type"]
    assert "Unscored" == upgrade_score({"index": 0, "error": "no reference"})["type"]


def test_samples_of_chats_are_read() -> None:
    """The messages that were asked are a chat prompt."""
    messages = [{"role": "user", "content": "hi"}]
    line = {"index": 0, "record": {}, "prompt": messages, "output": "", "error": None, "scores": {}, "score_errors": {}}

    upgraded = upgrade_sample(line)

    assert {"type": "ChatPrompt", "messages": messages} == upgraded["prompt"]
    assert {"type": "Answered", "index": 0, "answer": {"output": ""}} == upgraded["outcome"]
