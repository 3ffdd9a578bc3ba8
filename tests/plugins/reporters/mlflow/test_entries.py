"""What a run is in MLflow, made from the record alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_plugins.reporters.mlflow.entries import Entry, make_entries
from llmops_plugins.reporters.mlflow.samples import Amounts
from llmops_sdk import Pipeline, Progress, Registry, Run


@pytest.fixture(name="entries")
def _entries(voices: Run) -> dict[str, Entry]:
    amounts = {"base.bare.lines": Amounts(prompt_tokens=30, output_tokens=12, cost=0.5)}
    return {entry.part: entry for entry in make_entries(voices, amounts, {"team": "search"})}


def test_candidates_are_nested_in_the_run_and_checkpoints_in_their_candidate(entries: dict[str, Entry]) -> None:
    """Each entry comes after the one it is nested in; names are those that people know."""
    assert [
        ("pipeline", ""),
        ("lines/base", "pipeline"),
        ("lines/tuned", "pipeline"),
        ("lines/tuned/seed 1", "lines/tuned"),
        ("lines/tuned/seed 2", "lines/tuned"),
        ("lines/broken", "pipeline"),
    ] == [(entry.part, entry.parent) for entry in entries.values()]
    assert ["base", "tuned", "tuned (seed 1)", "tuned (seed 2)", "broken"] == [
        entry.name for entry in entries.values() if entry.parent
    ]


def test_the_entry_of_the_run_has_its_verdict(voices: Run, entries: dict[str, Entry]) -> None:
    """As the description that MLflow shows, besides what was compared and what decided."""
    entry = entries["pipeline"]
    verdict = voices.results().leaderboards[0].verdict

    assert f"**lines**: {verdict.text}" == entry.tags["mlflow.note.content"]
    assert "base on lines" == entry.tags["llmops.best"]
    assert ("base, tuned, broken", "lines", "bare") == (
        entry.params["models"], entry.params["datasets"], entry.params["prompts"],
    )  # fmt: skip
    assert {"candidates": 2.0, "candidates_failed": 1.0}.items() <= {p.name: p.value for p in entry.points}.items()
    assert not entry.has_failed


def test_entries_name_the_test_records_they_rest_on(entries: dict[str, Entry]) -> None:
    """By the dataset, its hash and the number of records; a candidate without a result has none."""
    (data,) = entries["lines/base"].data

    assert ("lines", 3, 16) == (data.name, data.records, len(data.digest))
    assert (data,) == entries["pipeline"].data
    assert () == entries["lines/broken"].data


def test_a_candidate_has_its_options_as_params(entries: dict[str, Entry]) -> None:
    """Model, prompt, training and generation; a value that says nothing is left out."""
    params = entries["lines/tuned"].params

    assert {
        "dataset": "lines",
        "model": "tuned",
        "model.use": "echo",
        "model.source": "loud",
        "prompt": "bare",
        "fine_tuned": "true",
        "trainer": "echo-trainer",
        "trainer.voice": "quiet",
        "trainer.fails": "false",
        "seeds": "1, 2",
        "deployer": "echo-endpoint",
        "generation.max_new_tokens": "128",
        "generation.temperature": "0.0",
    }.items() <= params.items()
    assert not {"model.version", "generation.stop", "trainer.seed"} & params.keys()
    assert "1" == entries["lines/tuned/seed 1"].params["seed"]
    assert {"fine_tuned": "false"}.items() <= entries["lines/base"].params.items()


def test_a_candidate_has_its_numbers_as_metrics(voices: Run, entries: dict[str, Entry]) -> None:
    """Means with the ends of their intervals, failures, latency and tokens."""
    board = voices.results().leaderboards[0]
    name, estimate = board.metric, board.cells[0].estimates[board.metric]
    values = {point.name: point.value for point in entries["lines/base"].points}

    assert {
        name: estimate.mean,
        f"{name}_records": float(estimate.records),
        f"{name}_failures": 0.0,
        "records": 3.0,
        "answered": 3.0,
        "failed_answers": 0.0,
        "prompt_tokens": 30.0,
        "output_tokens": 12.0,
        "cost": 0.5,
    }.items() <= values.items()
    assert values["latency_p50"] > 0
    assert (estimate.low is not None) == (f"{name}_low" in values)


def test_a_training_curve_is_a_metric_with_steps(voices: Run, entries: dict[str, Entry]) -> None:
    """Of each checkpoint; a loss that was not measured has no point."""
    entry = entries["lines/tuned/seed 1"]

    assert [("train/loss", 1.0, 1), ("train/tokens", 3.0, 1)] == [
        (point.name, point.value, point.step) for point in entry.points if point.step
    ]
    assert 3.0 == next(point.value for point in entry.points if point.name == "train/rows")
    record = voices.record("train.tuned.bare.lines.seed-1") or voices.record(
        next(step.name for step in voices.plan.steps if step.name.startswith("train.tuned"))
    )
    assert record is not None
    assert round(1000 * record.at) == entry.started


def test_a_failed_candidate_has_its_error(entries: dict[str, Entry]) -> None:
    """As a run that failed, with its params and without metrics."""
    entry = entries["lines/broken"]

    assert entry.has_failed
    assert "failed" == entry.tags["llmops.verdict"]
    assert "the option 'fails' is set" in entry.tags["llmops.error"] == entry.tags["mlflow.note.content"]
    assert "echo-trainer" == entry.params["trainer"]
    assert () == entry.points


def test_tags_of_the_user_are_on_every_entry(entries: dict[str, Entry]) -> None:
    """They replace none of those by which a repeated report finds its runs."""
    assert {"search"} == {entry.tags["team"] for entry in entries.values()}
    assert [entry.part for entry in entries.values()] == [entry.tags["llmops.part"] for entry in entries.values()]


def test_the_same_record_gives_the_same_entries(voices: Run, entries: dict[str, Entry]) -> None:
    """Also when it is opened again: a repeated report changes nothing."""
    reopened = Run.open(voices.store, voices.id)
    amounts = {"base.bare.lines": Amounts(prompt_tokens=30, output_tokens=12, cost=0.5)}

    assert list(entries.values()) == list(make_entries(reopened, amounts, {"team": "search"}))


def test_names_have_the_dataset_where_there_are_several(registry: Registry, tmp_path: Path) -> None:
    """Each candidate has an entry for each dataset."""
    run = (
        Pipeline.builder("two")
        .with_dataset("lines", name="short", records=4)
        .with_dataset("lines", name="long", records=6)
        .with_prompt("bare")
        .with_model("echo", fine_tune=False)
        .with_evaluator("echo-score")
        .run(store=tmp_path, registry=registry, progress=Progress())
        .run
    )

    entries = list(make_entries(run, {}, {}))

    assert ["echo on short", "echo on long"] == [entry.name for entry in entries[1:]]
    assert "echo on short, echo on long" == entries[0].tags["llmops.best"]
