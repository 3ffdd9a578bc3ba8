"""Whole runs with planned looks: who stops when, what is asked and deployed, and what is left after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import yaml

from llmops_sdk import LocalStore, Pipeline, Progress, Result, rescore, resume
from llmops_sdk.errors import RunInterrupted, SpecError
from llmops_sdk.plugin import Succeeded
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.run import Run
from llmops_sdk.steps import step as step_module
from llmops_sdk.steps.compare import look
from llmops_sdk.steps.execution import StepExecution, StepOutput
from llmops_sdk.testing import EchoEndpoint, EchoScore, InstantEndpoint
from llmops_sdk.values.answers import Answered, NotAsked
from llmops_sdk.values.models import ServableModel
from llmops_sdk.values.plan import LookStep
from llmops_sdk.values.resources import Endpoint
from llmops_sdk.values.results import CellResult

from .killing import KillingAnswers

FIRST, SECOND, RECORDS = 30, 60, 90
"""Test records at each of three looks."""


class Runs:
    """Runs pipelines in one store, without output, and counts what each step deploys."""

    def __init__(
        self, store: LocalStore, registry: Registry, asked: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.store = store
        self.registry = registry
        self.asked = asked
        self.deployed: list[str] = []
        deploy = EchoEndpoint.deploy

        def counting(deployer: EchoEndpoint, context: Context, model: ServableModel) -> Endpoint:
            self.deployed.append(context.step)
            return deploy(deployer, context, model)

        monkeypatch.setattr(EchoEndpoint, "deploy", counting)

    def run(self, pipeline: Pipeline, **how: object) -> Result:
        """Run a pipeline; what was asked and deployed before is forgotten."""
        self.asked.clear()
        self.deployed.clear()
        return pipeline.run(store=self.store, registry=self.registry, progress=Progress(), **how)  # type: ignore[arg-type]

    def resume(self, run: Run) -> Result:
        """Resume a run."""
        self.asked.clear()
        self.deployed.clear()
        return resume(run.id, store=self.store, registry=self.registry, progress=Progress())


@pytest.fixture(name="runs")
def _runs(tmp_path: Path, home: Path, registry: Registry, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> Runs:
    del home  # the cache of this test
    return Runs(LocalStore(tmp_path / "runs"), registry, asked, monkeypatch)


def compared(*voices: str, looks: int = 3) -> Pipeline:
    """Return a pipeline that compares voices, on ninety test records."""
    pipeline = Pipeline.builder("voices").with_dataset("lines", records=2 * RECORDS).with_prompt("bare")
    for voice in voices:
        pipeline = pipeline.with_model("echo", name=voice, voice=voice, fine_tune=False)
    pipeline = pipeline.with_evaluator("echo-score")
    return pipeline.with_early_stopping(looks) if looks else pipeline


def cells(result: Result) -> dict[str, CellResult]:
    """Return the candidates of a result by their names."""
    return {cell.candidate: cell for cell in result.leaderboards[0].cells}


def test_a_clear_difference_is_decided_at_the_first_look(runs: Runs) -> None:
    """Both are asked a third of the records, later looks deploy and ask nothing, and the verdict counts it."""
    result = runs.run(compared("loud", "quiet"))

    (board,) = result.leaderboards
    assert 2 * FIRST == len(runs.asked)
    assert ["generate.loud@look1", "generate.quiet@look1"] == runs.deployed
    assert ("loud", ("quiet",), True) == (board.verdict.best, board.verdict.worse, board.verdict.settled)
    assert (
        "This was decided at look 1 of 3, on 30 of 90 records. 120 of 180 questions were not asked."
        in board.verdict.text
    )
    assert [(FIRST, ("quiet",), True), (SECOND, (), False), (RECORDS, (), False)] == [
        (look.records, look.worse, look.decided) for look in board.looks
    ]
    assert [(FIRST, FIRST, RECORDS - FIRST, 1)] * 2 == [
        (cell.records, cell.answered, cell.not_asked, cell.look) for cell in board.cells
    ]
    assert [FIRST] == [pair.difference.estimate.records for pair in board.pairs]
    assert board.looks[0].level == board.pairs[0].level
    outcomes = Counter(type(sample.outcome) for sample in result.run.samples("quiet.bare.lines"))
    assert {Answered: FIRST, NotAsked: RECORDS - FIRST} == outcomes


def test_only_the_one_that_is_worse_stops(runs: Runs) -> None:
    """Two that cannot be told apart are asked to the end; only they are deployed again."""
    result = runs.run(compared("unsteady-1", "quiet", "unsteady-2"))

    (board,) = result.leaderboards
    assert FIRST + 2 * RECORDS == len(runs.asked)
    assert {"generate.quiet@look1"} == {step for step in runs.deployed if "quiet" in step}
    assert 7 == len(runs.deployed)
    assert ("quiet",) == board.verdict.worse
    assert 1 == len(board.verdict.tied)
    assert (
        "quiet stopped at look 1 of 3, on 30 of 90 records. 60 of 270 questions were not asked." in board.verdict.text
    )
    assert "quiet" == board.cells[-1].candidate
    assert {"unsteady-1": 3, "unsteady-2": 3, "quiet": 1} == {name: cell.look for name, cell in cells(result).items()}
    assert {RECORDS, FIRST} == {pair.difference.estimate.records for pair in board.pairs}
    record = result.run.record("generate.quiet@look2")
    assert isinstance(record, Succeeded)
    assert (True, "stopped at an earlier look") == (record.cached, record.reason)


def test_all_are_asked_where_none_is_worse(runs: Runs) -> None:
    """Two that are alike are asked every record once, and the verdict is of all of them."""
    result = runs.run(compared("unsteady-1", "unsteady-2"))

    assert 2 * RECORDS == len(runs.asked)
    assert {3} == {cell.look for cell in cells(result).values()}
    assert "No candidate was worse at one of the 2 earlier looks: all 90 records were asked." in (
        result.leaderboards[0].verdict.text
    )


def test_the_records_of_a_look_are_the_same_for_all(runs: Runs) -> None:
    """They are a random sample in a fixed order, not the first ones, and another run asks the same."""
    first = runs.run(compared("loud", "quiet"))
    asked = sorted(runs.asked)

    samples = {
        cell: [sample.index for sample in first.run.samples(cell) if sample.answer is not None]
        for cell in ("loud.bare.lines", "quiet.bare.lines")
    }
    assert samples["loud.bare.lines"] == samples["quiet.bare.lines"] != list(range(FIRST))
    runs.run(compared("loud", "quiet"), fresh=["generate"])
    assert asked == sorted(runs.asked)


def test_each_answer_is_scored_once(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later look scores what is new: an evaluator may be a paid judge."""
    scored: list[int] = []
    evaluate = EchoScore.evaluate

    def counting(evaluator: EchoScore, context: Context, generations: object) -> object:
        for score in evaluate(evaluator, context, generations):  # type: ignore[arg-type]
            scored.append(score.index)
            yield score

    monkeypatch.setattr(EchoScore, "evaluate", counting)

    runs.run(compared("unsteady-1", "unsteady-2", "quiet"))

    assert 2 * RECORDS + FIRST == len(scored)


def test_without_early_stopping_only_the_rest_is_asked(runs: Runs) -> None:
    """The answers of a run that stopped early are the first part of those of a complete one."""
    stopped = runs.run(compared("loud", "quiet"))
    complete = runs.run(compared("loud", "quiet", looks=0))

    assert 2 * (RECORDS - FIRST) == len(runs.asked)
    assert {RECORDS} == {cell.answered for cell in complete.leaderboards[0].cells}
    assert FIRST == cells(Result(Run.open(runs.store, stopped.run.id)))["loud"].answered


def test_answers_beyond_a_look_do_not_count(runs: Runs) -> None:
    """After a complete run nothing is asked, and the verdict is that of a run that stopped early."""
    runs.run(compared("loud", "quiet", looks=0))
    result = runs.run(compared("loud", "quiet"))

    assert [] == runs.asked
    assert [(FIRST, FIRST, RECORDS - FIRST, 1)] * 2 == [
        (cell.records, cell.answered, cell.not_asked, cell.look) for cell in result.leaderboards[0].cells
    ]


def test_fresh_answers_are_asked_once(runs: Runs) -> None:
    """The second look of a run with --fresh keeps what its first look asked."""
    runs.run(compared("unsteady-1", "unsteady-2"))
    runs.run(compared("unsteady-1", "unsteady-2"), fresh=["generate.unsteady-1"])

    assert RECORDS == len(runs.asked) == len(set(runs.asked))


def test_datasets_are_decided_on_their_own(runs: Runs) -> None:
    """On two datasets, each has its looks; a model is deployed as long as one of them needs it."""
    pipeline = compared("loud", "quiet").with_dataset("lines", name="more", records=2 * RECORDS, seed=1)
    result = runs.run(pipeline)

    assert 4 * FIRST == len(runs.asked)
    assert 2 == len(runs.deployed)
    assert [True, True] == [board.looks[0].decided for board in result.leaderboards]


def test_probes_are_asked_of_the_same_records(runs: Runs) -> None:
    """An evaluator's own questions are part of what is not asked."""
    result = runs.run(compared("loud", "quiet").with_evaluator("echo-probes"))

    assert 2 * 2 * FIRST == len(runs.asked)
    assert FIRST == cells(result)["loud"].estimates["steady"].records


def test_a_failed_candidate_stays_failed(runs: Runs) -> None:
    """It is not deployed again at the next looks, and the others are compared without it."""
    result = runs.run(compared("unsteady-1", "mute", "unsteady-2"))

    (board,) = result.leaderboards
    assert ["generate.mute@look1"] == [step for step in runs.deployed if "mute" in step]
    assert [("mute", "generate.mute@look1")] == [(cell.candidate, cell.step) for cell in board.failed]
    assert {"unsteady-1", "unsteady-2"} == {cell.candidate for cell in board.cells}


def test_one_that_is_left_beside_a_failed_one_is_asked_to_the_end(runs: Runs) -> None:
    """The failed one may still be asked when the run is resumed, so nothing is decided yet."""
    result = runs.run(compared("loud", "mute", "quiet"))

    assert RECORDS == cells(result)["loud"].answered
    assert FIRST == cells(result)["quiet"].answered


def test_a_run_that_is_interrupted_between_looks_is_resumed(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It continues with the next look, and asks nothing again."""

    def interrupt(execution: StepExecution, step: LookStep) -> StepOutput:
        if step.look == 2:
            raise KeyboardInterrupt
        return look(execution, step)

    with monkeypatch.context() as interrupted:
        interrupted.setitem(step_module._KINDS, LookStep, interrupt)
        with pytest.raises(RunInterrupted) as stopped:
            runs.run(compared("unsteady-1", "quiet", "unsteady-2"))
    before = len(runs.asked)
    result = runs.resume(Run.open(runs.store, stopped.value.run_id))

    assert FIRST + 2 * SECOND == before
    assert 2 * (RECORDS - SECOND) == len(runs.asked)
    assert ["generate.unsteady-1@look3", "generate.unsteady-2@look3"] == runs.deployed
    assert {"unsteady-1": RECORDS, "quiet": FIRST, "unsteady-2": RECORDS} == {
        name: cell.answered for name, cell in cells(result).items()
    }


def test_metrics_are_added_without_asking(runs: Runs) -> None:
    """The records of the looks are scored by another evaluator too; another metric cannot decide."""
    first = runs.run(compared("loud", "quiet"))
    runs.asked.clear()
    added = partial(
        rescore,
        first.run.id,
        [{"use": "text-metrics", "metrics": ["length_ratio"]}],
        store=runs.store,
        registry=runs.registry,
        progress=Progress(),
    )

    result = added()

    assert [] == runs.asked
    assert FIRST == cells(result)["loud"].estimates["length_ratio"].records
    assert first.leaderboards[0].looks == result.leaderboards[0].looks
    with pytest.raises(SpecError, match="stopped early by 'exact', so 'noise' cannot decide"):
        added(metric="noise")


def quiet(prompt: str) -> str:
    """Answer few prompts right."""
    return prompt.upper() if prompt.endswith(("3", "7")) else prompt


_PROGRAM = """
    import sys
    import llmops_sdk.testing
    from llmops_sdk.cli.main import main
    from llmops_sdk.plugin.registry import Registry

    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    Registry.load = classmethod(lambda cls: registry)
    sys.exit(main(sys.argv[1:]))
"""


def start(folder: Path, command: str) -> subprocess.Popen[str]:
    """Start a command of `llmops`."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_PROGRAM), *command.split()],
        cwd=folder,
        env={**os.environ, "LLMOPS_HOME": str(folder / "home"), "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("number", "at"),
    [
        (signal.SIGKILL, 45),
        pytest.param(signal.SIGKILL, 31, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 70, marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_is_resumed_at_its_look(number: int, at: int, tmp_path: Path) -> None:
    """Killed while it asks for the second or third look: answers are kept, and the one that stopped is not asked."""
    killing = KillingAnswers(number, at)
    answers = {"first": killing, "second": KillingAnswers(0, 0), "third": KillingAnswers(0, 0, quiet)}
    endpoints = {name: InstantEndpoint(each) for name, each in answers.items()}
    models = [
        {
            "use": "echo",
            "name": name,
            "voice": name,
            "fine_tune": False,
            "deployer": {"url": endpoint.url, "concurrency": 2},
        }
        for name, endpoint in endpoints.items()
    ]
    specification = {
        "name": "killed",
        "datasets": [{"use": "lines", "records": 2 * RECORDS}],
        "prompts": ["bare"],
        "models": models,
        "evaluators": ["echo-score"],
        "stop_early": {"looks": 3},
    }
    (tmp_path / "killed.yaml").write_text(yaml.safe_dump(specification), encoding="utf-8")
    try:
        killing.client = start(tmp_path, "run killed.yaml -q")
        for each in answers.values():
            each.started.set()
        killing.client.communicate(timeout=200)
        assert killing.client.returncode != 0
        again = start(tmp_path, "run --resume latest -q")
        _, error = again.communicate(timeout=200)
    finally:
        for endpoint in endpoints.values():
            endpoint.close()

    assert 0 == again.returncode, error
    assert {"first": RECORDS, "second": RECORDS, "third": FIRST} == {
        name: len(set(each.asked)) for name, each in answers.items()
    }
    assert len(killing.asked) <= RECORDS + 4  # in flight, and on their way into the journal
    assert [RECORDS, FIRST] == [len(answers[name].asked) for name in ("second", "third")]
    (board,) = Run.open(LocalStore(tmp_path / "llmops-runs"), "latest").results().leaderboards
    assert ("third",) == board.looks[0].worse
    assert {"first": RECORDS, "second": RECORDS, "third": FIRST} == {
        cell.candidate: cell.answered for cell in board.cells
    }
