"""`rescore` and `llmops score`: new metrics on a finished run, and no model is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmops_sdk import LocalStore, Pipeline, Result, Run, RunInterrupted, RunNotFoundError, SpecError, rescore, resume
from llmops_sdk.cli import main as cli
from llmops_sdk.pipeline import rescoring
from llmops_sdk.planning.specification.yaml_text import parse_yaml
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.values.step_records import Failed


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> LocalStore:
    """A store on disk."""
    return LocalStore(tmp_path / "runs")


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A base model that is wrong and a tuned one that is right, on ten test records."""
    return (
        Pipeline.builder("echo")
        .with_dataset("lines")
        .with_prompt("bare")
        .with_model("echo", name="quiet", voice="quiet", fine_tune=False)
        .with_model("echo", name="loud")
        .with_evaluator("echo-score")
    )


@pytest.fixture(name="finished")
def _finished(pipeline: Pipeline, store: LocalStore, registry: Registry, asked: list[str]) -> Result:
    """A finished run; what it asked is forgotten."""
    result = pipeline.run(store=store, registry=registry, progress=Progress())
    asked.clear()
    return result


def test_new_metrics_on_a_finished_run(
    finished: Result, store: LocalStore, registry: Registry, asked: list[str]
) -> None:
    """The new run has the old metrics and the new ones, by the same generations; the old run stays as it was."""
    before = {key: store.get(key) for key in store.list(f"runs/{finished.run.id}/")}

    qa = {"use": "qa-accuracy", "metrics": ["f1"]}
    result = rescore("latest", [qa], metric="f1", store=store, progress=Progress(), registry=registry)

    assert [] == asked
    board = result.leaderboards[0]
    assert "f1" == board.metric
    assert [{"exact", "noise", "f1"}] * 2 == [set(cell.estimates) for cell in board.cells]
    former = {cell.cell: cell.estimates["exact"] for cell in finished.leaderboards[0].cells}
    assert former == {cell.cell: cell.estimates["exact"] for cell in board.cells}
    assert {key: store.get(key) for key in store.list(f"runs/{finished.run.id}/")} == before
    assert finished.run.id != result.run.id
    assert finished.run.id == Run.open(store, result.run.id).metadata.based_on
    assert {"exact", "noise", "f1"} == set(next(result.run.samples("loud.bare.lines")).scores)
    assert store.get(f"runs/{result.run.id}/report.html")
    specification = yaml.safe_load(store.get(f"runs/{result.run.id}/specification.yaml") or b"")
    assert ["echo-score", qa] == specification["evaluators"]
    assert "f1" == specification["decide_by"]


def test_the_scores_of_a_rescored_run_can_be_added_to(finished: Result, store: LocalStore, registry: Registry) -> None:
    """A run that was made by scoring is a run like any other."""
    del finished
    rescore("latest", [{"use": "qa-accuracy", "metrics": ["f1"]}], store=store, progress=Progress(), registry=registry)
    other = {"use": "qa-accuracy", "name": "exact-words", "metrics": ["exact_match"]}
    result = rescore("latest", [other], store=store, progress=Progress(), registry=registry)

    assert {"exact", "noise", "f1", "exact_match"} == set(result.leaderboards[0].cells[0].estimates)


def test_an_evaluator_whose_probes_were_not_asked(
    finished: Result, store: LocalStore, registry: Registry, asked: list[str]
) -> None:
    """It is refused by its name before anything is written, and nothing is asked."""
    with pytest.raises(SpecError, match="evaluator 'echo-probes' asks the model questions of its own, and none are"):
        rescore("latest", ["echo-probes"], store=store, progress=Progress(), registry=registry)

    assert [] == asked
    assert [f"runs/{finished.run.id}/run.json"] == [key for key in store.list("runs/") if key.endswith("run.json")]


def test_an_evaluator_whose_probes_were_asked(
    pipeline: Pipeline, store: LocalStore, registry: Registry, asked: list[str]
) -> None:
    """Its scores are kept beside new ones, and nothing is asked; its metrics are not given a second time."""
    pipeline.with_evaluator("echo-probes").run(store=store, registry=registry, progress=Progress())
    asked.clear()
    with pytest.raises(SpecError, match="'steady' comes from two evaluators"):
        rescore(
            "latest", [{"use": "echo-probes", "name": "other"}], store=store, progress=Progress(), registry=registry
        )
    result = rescore("latest", [{"use": "qa-accuracy", "metrics": ["f1"]}], store=store, registry=registry)

    assert [] == asked
    assert "steady" in result.leaderboards[0].cells[0].estimates


def test_every_answer_to_a_record_is_scored(
    pipeline: Pipeline, store: LocalStore, registry: Registry, asked: list[str]
) -> None:
    """Those of the noise floor too; an evaluator whose probes only some of them have is refused."""
    repeated = pipeline.with_generation(repeats=2).with_noise_floor()
    pipeline.with_evaluator("echo-probes").run(store=store, registry=registry, progress=Progress())
    repeated.run(store=store, registry=registry, progress=Progress())
    asked.clear()
    qa = {"use": "qa-accuracy", "metrics": ["f1"]}

    result = rescore("latest", [qa], metric="f1", store=store, progress=Progress(), registry=registry)

    assert [] == asked
    (board,) = result.leaderboards
    assert board.noise_floor is not None
    assert "has the same F1 over words both times on all 10 records" in board.noise_floor.text
    assert [0, 1] * 10 == [sample.repeat for sample in result.records("loud") if "f1" in sample.scores]
    with pytest.raises(SpecError, match="evaluator 'echo-probes' asks the model questions of its own, and none are"):
        rescore("latest", ["echo-probes"], store=store, progress=Progress(), registry=registry)


def test_an_evaluator_with_the_probes_of_another(
    pipeline: Pipeline, store: LocalStore, registry: Registry, asked: list[str]
) -> None:
    """The answers to the same questions are taken from the record; one question more, and it is refused."""
    changed: dict[str, Any] = {"field": "context", "num_perturbations": 2}
    general = pipeline.with_evaluator("general-semantic-robustness", metrics=["word_error_rate"], **changed)
    former = general.run(store=store, registry=registry, progress=Progress())
    assert 60 == len(asked)
    asked.clear()
    other = {"use": "qa-accuracy-semantic-robustness", "metrics": ["f1"], **changed}

    result = rescore("latest", [other], store=store, progress=Progress(), registry=registry)
    with pytest.raises(SpecError, match="evaluator 'qa-accuracy-semantic-robustness' asks the model questions of its"):
        rescore(former.run.id, [{**other, "num_perturbations": 3}], store=store, registry=registry)

    assert [] == asked
    for cell in result.leaderboards[0].cells:
        assert 10 == cell.estimates["delta_f1"].records == cell.estimates["word_error_rate"].records
        sample = next(result.run.samples(cell.cell))
        assert sample.probes["general-semantic-robustness"] == sample.probes["qa-accuracy-semantic-robustness"]


def test_a_failed_cell_stays_failed(pipeline: Pipeline, store: LocalStore, registry: Registry) -> None:
    """What failed in the run is not tried again; the others are scored."""
    mute = pipeline.with_model("echo", name="mute", voice="mute", fine_tune=False)
    mute.run(store=store, registry=registry, progress=Progress())

    result = rescore("latest", [{"use": "qa-accuracy", "metrics": ["f1"]}], store=store, registry=registry)

    assert ["mute"] == [cell.candidate for cell in result.failures]
    assert isinstance(result.run.record("score.mute.bare.lines"), Failed)
    assert 2 == len(result.leaderboards[0].cells)


def test_a_run_that_is_not_finished(finished: Result, store: LocalStore, registry: Registry) -> None:
    """It is refused, with the step that is missing and the way to finish it."""
    finished.run.clear_record("generate.quiet")

    with pytest.raises(
        RunNotFoundError, match=r"step 'generate.quiet' is pending; finish it with: llmops run --resume"
    ):
        rescore("latest", ["qa-accuracy"], store=store, progress=Progress(), registry=registry)


@pytest.mark.parametrize(
    ("evaluators", "said"),
    [
        (["qa-acuracy"], "did you mean 'qa-accuracy'"),
        (["echo-score"], "two evaluators are called 'echo-score'"),
        ([{"use": "qa-accuracy", "metrics": ["f2"]}], "no metric is called 'f2'"),
        ([{"metrics": ["f1"]}], "does not name a plugin.s card"),
        ([3], "is a mapping of names to values, not 3"),
    ],
)
def test_wrong_evaluators(
    evaluators: list[str], said: str, finished: Result, store: LocalStore, registry: Registry
) -> None:
    """The error is in one line; no run is created."""
    with pytest.raises(SpecError, match=said):
        rescore(finished.run.id, evaluators, store=store, progress=Progress(), registry=registry)

    assert 1 == len([key for key in store.list("runs/") if key.endswith("run.json")])


def test_the_command(
    pipeline: Pipeline,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`llmops score RUN -e ...` prints the new results; bad YAML is a usage error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Registry, "load", classmethod(lambda _cls: registry))
    run = pipeline.run(registry=registry, progress=Progress()).run.id

    assert 0 == cli.main(["score", run, "-e", "{use: qa-accuracy, metrics: [f1]}", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert "f1" in found["leaderboards"][0]["cells"][0]["estimates"]
    assert 2 == cli.main(["score", run, "-e", "{use: "])
    assert "is neither a name nor YAML" in capsys.readouterr().err
    assert 2 == cli.main(["score", "nowhere", "-e", "qa-accuracy"])
    assert "there is no run 'nowhere'" in capsys.readouterr().err


def test_a_stopped_rescoring_names_its_run_and_is_resumed(
    finished: Result, store: LocalStore, registry: Registry, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while scoring ends as in a run: the new run is named, and resuming it asks no model."""

    def stop(*_arguments: object) -> None:
        raise KeyboardInterrupt

    qa = {"use": "qa-accuracy", "metrics": ["f1"]}
    with monkeypatch.context() as patch:
        patch.setattr(rescoring, "run_step", stop)
        with pytest.raises(RunInterrupted) as interrupt:
            rescore("latest", [qa], store=store, progress=Progress(), registry=registry)
    run_id = interrupt.value.run_id
    assert finished.run.id != run_id
    assert f"resume with: llmops run --resume {run_id}" in interrupt.value.advice

    result = resume(run_id, store=store, registry=registry, progress=Progress())

    assert [] == asked
    assert [{"exact", "noise", "f1"}] * 2 == [set(cell.estimates) for cell in result.leaderboards[0].cells]


def test_the_specification_of_a_rescored_run_is_read_as_specifications_are(
    pipeline: Pipeline, store: LocalStore, registry: Registry
) -> None:
    """A text that YAML 1.1 or 1.2 would read as a number or a date stays text."""
    pipeline.with_settings("testing", note="1e-4").run(store=store, registry=registry, progress=Progress())

    qa = {"use": "qa-accuracy", "name": "2024-01-31", "metrics": ["f1"]}
    run = rescore("latest", [qa], store=store, progress=Progress(), registry=registry).run
    specification = parse_yaml((run.read("specification.yaml") or b"").decode(), "specification.yaml")

    assert {"note": "1e-4"} == specification["settings"]["testing"]
    assert "2024-01-31" == specification["evaluators"][-1]["name"]
