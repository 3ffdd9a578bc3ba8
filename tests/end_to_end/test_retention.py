"""What fine-tuning broke: tuned candidates and their bases on a second dataset, from the specification to the gate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.reporters.mlflow.entries import make_entries
from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Result, SpecError, StepFailedError, rescore
from llmops_sdk.gate.decide import decide
from llmops_sdk.gate.outcome import Outcome
from llmops_sdk.gate.specification import gate_from
from llmops_sdk.testing.deployer import EchoEndpoint
from llmops_sdk.values.plan import Plan
from llmops_sdk.values.step_records import Failed


@pytest.fixture(name="asked")
def _asked() -> Iterator[list[str]]:
    """The prompts that all endpoints received."""
    EchoEndpoint.asked.clear()
    yield EchoEndpoint.asked
    EchoEndpoint.asked.clear()


@pytest.fixture(name="words")
def _words(tmp_path: Path) -> Path:
    """Forty records that are answered right in small letters, which the task wants in capitals."""
    path = tmp_path / "words.jsonl"
    rows = [{"instruction": f"copy {n}", "context": f"word {n}", "response": f"word {n}"} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A task on thirty test records, without a candidate."""
    return Pipeline.builder("echo").with_dataset("lines", records=60).with_prompt("bare").with_evaluator("echo-score")


def with_both(pipeline: Pipeline, voice: str = "loud") -> Pipeline:
    """A base model that is right in small letters, and the same fine-tuned to another voice."""
    tuned = pipeline.with_model("echo", name="tuned", voice="quiet", trainer={"voice": voice})
    return tuned.with_model("echo", name="base", voice="quiet", fine_tune=False)


def run(pipeline: Pipeline, store: LocalStore, registry: Registry) -> Result:
    """Run it without output; a run with failed candidates is a result too."""
    try:
        return pipeline.run(store=store, registry=registry, progress=Progress())
    except StepFailedError as exc:
        return Result(exc.run)


def gate(data: dict[str, Any]) -> Any:
    """A gate with these conditions."""
    return gate_from(data, where="gate.yaml", folder=Path())


def test_reporters_have_the_verdict_on_the_second_dataset(
    pipeline: Pipeline, words: Path, tmp_path: Path, registry: Registry
) -> None:
    """A section of the model card, rows of the table of candidates, and nested runs of MLflow."""
    recipe = with_both(pipeline).with_retention("jsonl", path=str(words), name="words")
    result = run(recipe, LocalStore(tmp_path / "runs"), registry)
    retention = result.results.retention
    assert retention is not None

    result.report_as("model-card", path=str(tmp_path / "card.md"))
    result.report_as("table", path=str(tmp_path / "scores.jsonl"))
    entries = {entry.part: entry for entry in make_entries(result.run, {}, {})}

    card = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert "### Retention, words: 40 test records" in card
    assert retention.verdict.text in card
    rows = [json.loads(line) for line in (tmp_path / "scores-candidates.jsonl").read_text().splitlines()]
    of_words = {row["candidate"]: row for row in rows if row["dataset"] == "words" and row["decides"]}
    assert {"tuned": ("worse", -1.0), "base": ("", None)} == {
        name: (row["verdict"], row["difference"]) for name, row in of_words.items()
    }
    assert "worse" == entries["words/tuned"].tags["llmops.verdict"]
    assert "tuned on words" == entries["words/tuned"].name
    assert retention.verdict.text in entries["pipeline"].tags["mlflow.note.content"]
    assert {"lines", "words"} == {data.name for data in entries["pipeline"].data}


def test_a_gain_on_the_task_and_a_loss_on_the_second_dataset_are_one_sentence(
    pipeline: Pipeline, words: Path, asked: list[str], tmp_path: Path, registry: Registry
) -> None:
    """Both are asked about the second dataset too; verdict, report, records and gate have it; a second run asks nothing."""
    store = LocalStore(tmp_path / "runs")
    recipe = with_both(pipeline).with_retention("jsonl", path=str(words), name="words")

    result = run(recipe, store, registry)

    sentence = "Against its base (base), tuned is better on lines by 1.000, but worse on words by 1.000, more than the margin of 0.05."
    assert result.decision().text.endswith(sentence)
    assert ("tuned", True) == (result.decision().best, result.decision().settled)
    retention = result.results.retention
    assert retention is not None
    assert ["base", "tuned"] == [cell.candidate for cell in retention.cells]
    (margin,) = retention.verdict.margins
    assert ("tuned", "base", 0.05, True, False) == (
        margin.candidate,
        margin.baseline,
        margin.margin,
        margin.worse,
        margin.no_worse,
    )
    assert retention.verdict.text.startswith(
        "On words, which nothing was tuned for, tuned is worse than base by more than 0.05: \N{MINUS SIGN}1.000 ["
    )
    assert 40 == len(list(result.records("tuned", "words")))
    page = (store.get(f"runs/{result.run.id}/report.html") or b"").decode()
    assert "Lost more than the margin" in page
    assert sentence in " ".join(page.split())
    assert "word 39" in page or retention.cells[0].records == 40
    assert 2 * 30 + 2 * 40 == len(asked)
    decision = decide(result.run, gate({"exact": {"at_least": 0.5}, "retention": {"margin": 0.05}}))
    assert (Outcome.NO_GO, [Outcome.GO, Outcome.NO_GO]) == (
        decision.outcome,
        [check.outcome for check in decision.checks],
    )
    assert "worse than base by more than 0.05" in decision.checks[1].text

    run(recipe, store, registry)

    assert 2 * 30 + 2 * 40 == len(asked)


def test_nothing_lost_is_shown_too(pipeline: Pipeline, words: Path, tmp_path: Path, registry: Registry) -> None:
    """Training that changes nothing is no worse within the margin; the gate passes, for the base as well."""
    result = run(
        with_both(pipeline, "quiet").with_retention("jsonl", path=str(words), margin=0.1),
        LocalStore(tmp_path / "runs"),
        registry,
    )

    assert (
        "tuned is not told apart from it on lines (+0.000), and no worse on words by more than 0.1"
        in result.decision().text
    )
    conditions = gate({"retention": {"margin": 0.1}})
    for candidate, text in (("tuned", "no worse than base by more than 0.1"), ("base", "base is not fine-tuned, so it lost nothing")):  # fmt: skip
        decision = decide(result.run, conditions, candidate=candidate)
        assert Outcome.GO is decision.outcome
        assert text in decision.checks[0].text


def test_a_base_that_is_no_candidate_is_asked_about_the_second_dataset_only(
    pipeline: Pipeline, words: Path, asked: list[str], tmp_path: Path, registry: Registry
) -> None:
    """It is no candidate of the verdict."""
    tuned = pipeline.with_model("echo", name="tuned", voice="quiet", trainer={"voice": "loud"})

    result = run(tuned.with_retention("jsonl", path=str(words)), LocalStore(tmp_path / "runs"), registry)

    assert ["tuned"] == [cell.candidate for cell in result.leaderboards[0].cells]
    stated = "Against its base (tuned-base), tuned is worse on words by 1.000, more than the margin of 0.05."
    assert result.decision().text.endswith(stated)
    assert 30 + 2 * 40 == len(asked)


def test_a_recipe_is_judged_with_its_seeds(pipeline: Pipeline, words: Path, tmp_path: Path, registry: Registry) -> None:
    """Each checkpoint is asked; the recipe is compared with the base once."""
    recipe = pipeline.with_model("echo", name="base", voice="quiet", fine_tune=False)
    recipe = recipe.with_model("echo", name="tuned", voice="quiet", trainer={"voice": "loud"}, seeds=[1, 2, 3])

    result = run(recipe.with_retention("jsonl", path=str(words)), LocalStore(tmp_path / "runs"), registry)

    retention = result.results.retention
    assert retention is not None
    assert {"base": 0, "tuned": 3} == {cell.candidate: len(cell.checkpoints) for cell in retention.cells}
    assert retention.verdict.margins[0].worse
    assert "worse on words by 1.000" in result.decision().text
    assert Outcome.NO_GO is decide(result.run, gate({"retention": {"margin": 0.05}}), candidate="tuned").outcome


def test_each_training_is_judged(pipeline: Pipeline, words: Path, tmp_path: Path, registry: Registry) -> None:
    """A candidate that is trained on each dataset has other weights on each: they are told apart by what they are trained on."""
    two = with_both(pipeline.with_dataset("lines", name="more", records=30, seed=1))

    result = run(two.with_retention("jsonl", path=str(words)), LocalStore(tmp_path / "runs"), registry)

    retention = result.results.retention
    assert retention is not None
    assert ["base", "tuned trained on lines", "tuned trained on more"] == sorted(
        cell.candidate for cell in retention.cells
    )
    assert "of 2 tuned candidates 2 are worse by more than it." in retention.verdict.headline
    for board in result.leaderboards:
        assert f"tuned is better on {board.dataset} by 1.000, but worse on words by 1.000" in board.verdict.text
    decision = decide(result.run, gate({"retention": {"margin": 0.05}}), candidate="tuned")
    assert ["words", "words"] == [check.dataset for check in decision.checks]


def test_an_overlap_ends_before_any_training(
    pipeline: Pipeline, asked: list[str], tmp_path: Path, registry: Registry
) -> None:
    """The error names the records that are trained on; the candidate that is not trained has its result."""
    path = tmp_path / "general.jsonl"
    rows = [{"instruction": f"Repeat  {n}", "context": f"line {n}", "response": f"line {n}"} for n in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    result = run(with_both(pipeline).with_retention("jsonl", path=str(path)), LocalStore(tmp_path / "runs"), registry)

    record = result.run.record("prepare.general")
    assert isinstance(record, Failed)
    expected = "retention: 30 records are in the dataset 'general' and in the train split of 'lines', such as record"
    assert record.error.startswith(expected)
    assert isinstance(result.run.record("train.tuned.bare.lines"), Failed)
    assert ["base"] == [cell.candidate for cell in result.leaderboards[0].cells]
    assert 30 == len(asked)
    retention = result.results.retention
    assert retention is not None
    assert "what fine-tuning broke is not known" in retention.verdict.text


def test_a_second_dataset_without_references_loses_nothing_finished(
    pipeline: Pipeline, tmp_path: Path, registry: Registry
) -> None:
    """The verdict on the task is as without it; that on retention names the reason."""
    path = tmp_path / "general.jsonl"
    path.write_text(
        "".join(json.dumps({"instruction": f"Say {n}", "context": "x"}) + "\n" for n in range(4)), encoding="utf-8"
    )

    result = run(with_both(pipeline).with_retention("jsonl", path=str(path)), LocalStore(tmp_path / "runs"), registry)

    assert ("tuned", True) == (result.decision().best, result.decision().settled)
    assert result.decision().text.endswith(
        "What tuned lost on general is not known: it or its base (base) has no result there."
    )
    retention = result.results.retention
    assert retention is not None
    assert (
        "No answer of tuned and base has a score in Exact match (4 of 4 records: the record has no response)."
        in retention.verdict.text
    )


def test_new_metrics_leave_it_as_it_was(
    pipeline: Pipeline, words: Path, asked: list[str], tmp_path: Path, registry: Registry
) -> None:
    """They score the answers on the task, not those of retention; nothing is asked again."""
    store = LocalStore(tmp_path / "runs")
    finished = run(with_both(pipeline).with_retention("jsonl", path=str(words)), store, registry)
    asked.clear()

    added = [{"use": "qa-accuracy", "metrics": ["f1"]}]
    result = rescore(finished.run.id, added, metric="f1", store=store, progress=Progress(), registry=registry)

    assert [] == asked
    assert ("f1", "exact") == (
        result.leaderboards[0].metric,
        result.results.retention and result.results.retention.metric,
    )
    assert finished.results.retention == result.results.retention


def test_the_plan_can_be_read_again(pipeline: Pipeline, registry: Registry) -> None:
    """It equals what was written; one from before has nothing to ask besides."""
    plan = with_both(pipeline).with_retention().build(registry)

    assert plan == Plan.from_json(plan.json)
    earlier = {name: value for name, value in with_both(pipeline).build(registry).json.items() if name != "retention"}
    assert Plan.from_json(earlier).retention is None


def test_a_gate_on_retention_needs_it(pipeline: Pipeline, registry: Registry) -> None:
    """It is refused before the run."""
    with pytest.raises(SpecError, match="gate: retention needs the key retention in the specification"):
        with_both(pipeline).with_gate(retention={"margin": 0.05}).build(registry)
