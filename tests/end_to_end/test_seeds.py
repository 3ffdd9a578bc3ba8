"""Training seeds: checkpoints of one candidate, from the specification to the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Result, StepFailedError
from llmops_sdk.plugin import Context, DatasetSplits, PromptTemplate
from llmops_sdk.testing.deployer import EchoEndpoint
from llmops_sdk.testing.trainer import EchoTrainer
from llmops_sdk.values.models import BaseModel, TrainedModel
from llmops_sdk.values.step_records import Succeeded

from ..report.page_text import page_index, page_records


@pytest.fixture(name="trained")
def _trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the trainings that were really done."""
    seeds: list[int] = []
    train = EchoTrainer.train

    def counted(
        self: EchoTrainer, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate
    ) -> TrainedModel:
        seeds.append(self.options.seed)
        return train(self, context, model, splits, prompt)

    monkeypatch.setattr(EchoTrainer, "train", counted)
    return seeds


@pytest.fixture(name="asked")
def _asked() -> Iterator[list[str]]:
    """The prompts that all endpoints received."""
    EchoEndpoint.asked.clear()
    yield EchoEndpoint.asked
    EchoEndpoint.asked.clear()


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A base model that is always wrong, on thirty test records."""
    pipeline = Pipeline.builder("echo").with_dataset("lines", records=60).with_prompt("bare")
    return pipeline.with_model("echo", name="base", voice="quiet", fine_tune=False).with_evaluator("echo-score")


def run(pipeline: Pipeline, store: LocalStore, registry: Registry) -> Result:
    """Run it without output; a run with failed candidates is a result too."""
    try:
        return pipeline.run(store=store, registry=registry, progress=Progress())
    except StepFailedError as exc:
        return Result(exc.run)


def test_seeds_added_to_a_finished_run_cost_only_themselves(
    pipeline: Pipeline, trained: list[int], asked: list[str], tmp_path: Path, registry: Registry
) -> None:
    """The checkpoint that was trained before is reused, with its answers; so is the base model."""
    store = LocalStore(tmp_path / "runs")
    once = run(pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady", "seed": 2}), store, registry)
    assert ([2], 60) == (trained, len(asked))
    assert once.decision().text.startswith("This checkpoint of tuned is the best on lines: base is worse.")

    recipe = pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady"}, seeds=[1, 2, 3])
    result = run(recipe, store, registry)

    assert ([2, 1, 3], 120) == (trained, len(asked))
    record = result.run.record("train.tuned.bare.lines.seed2")
    assert isinstance(record, Succeeded)
    assert record.cached
    verdict = result.decision()
    assert verdict.text.startswith("The recipe tuned is the best on lines: base is worse.")
    assert (True, "tuned", ("base",)) == (verdict.settled, verdict.best, verdict.worse)
    more = run(
        pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady"}, seeds=[1, 2, 3, 4]), store, registry
    )
    assert ([2, 1, 3, 4], 150) == (trained, len(asked))
    assert 4 == len(more.leaderboards[0].cells[0].checkpoints)


def test_a_recipe_is_one_candidate_everywhere(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """One row in the results and the report, beside a candidate that was trained once; all answers are in the report."""
    recipe = pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady", "seeds": [1, 2, 3]})
    result = run(recipe.with_model("echo", name="once", trainer={"voice": "unsteady"}), LocalStore(tmp_path), registry)

    (board,) = result.leaderboards
    assert {"base", "once", "tuned"} == {cell.candidate for cell in board.cells}
    assert 3 == len(board.cells)
    assert 3 == len(board.pairs)
    assert "this checkpoint of once cannot be told apart from it" in board.verdict.headline.replace("recipe tuned cannot", "")  # fmt: skip
    page = (result.run.store.get(f"runs/{result.run.id}/report.html") or b"").decode()
    assert "fine-tuned with 3 seeds" in " ".join(page.replace("</span>", "").split())
    assert ["tuned", "once", "base"] == [candidate["name"] for candidate in page_index(page)["candidates"]]
    reply, once, _ = page_records(page)[0]["answers"]
    assert [1, 2, 3] == [reply["seed"], *(other["seed"] for other in reply["repeats"])]
    assert "repeats" not in once
    for seed in (1, 2, 3):
        assert f"tuned (seed {seed})" in page


def test_a_training_that_fails_leaves_the_other_checkpoints(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, registry: Registry
) -> None:
    """Its seed is named as failed; with only one left, the verdict speaks of a checkpoint."""
    failing: set[int] = set()
    train = EchoTrainer.train

    def fails(
        self: EchoTrainer, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate
    ) -> TrainedModel:
        if self.options.seed in failing:
            raise MemoryError
        return train(self, context, model, splits, prompt)

    monkeypatch.setattr(EchoTrainer, "train", fails)
    recipe = pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady", "seeds": [1, 2, 3]})

    failing.add(3)
    (two,) = run(recipe, LocalStore(tmp_path / "a"), registry).leaderboards
    failing.add(2)
    (one,) = run(recipe, LocalStore(tmp_path / "b"), registry).leaderboards
    failing.add(1)
    (none,) = run(recipe, LocalStore(tmp_path / "c"), registry).leaderboards

    assert ["tuned (seed 3)"] == [failed.label for failed in two.failed]
    assert two.verdict.text.startswith("The recipe tuned is the best")
    assert "1 of the 3 checkpoints of tuned could not be evaluated and is left out." in two.verdict.text
    assert one.verdict.text.startswith("This checkpoint of tuned is the best")
    assert ((), 1) == (one.cells[0].checkpoints, one.cells[0].seed)
    assert "2 of the 3 checkpoints of tuned could not be evaluated and are left out." in one.verdict.text
    assert "1 candidate could not be evaluated." in none.verdict.text


def test_seeds_and_a_baseline(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """A recipe is shown to be no worse, or not, with its seeds in the interval."""
    recipe = pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady", "seeds": [1, 2, 3]})

    result = run(recipe.with_decision(baseline="base", margin=0.1), LocalStore(tmp_path), registry)

    (margin,) = result.decision().margins
    assert (True, False, "tuned") == (margin.no_worse, margin.equivalent, margin.candidate)
    assert "tuned is no worse than base by more than 0.1" in result.decision().text


def test_repeats_of_checkpoints_and_the_noise_floor_of_one(
    pipeline: Pipeline, tmp_path: Path, registry: Registry
) -> None:
    """Each checkpoint is asked each record again; of a recipe as the baseline, the first one is asked twice as often."""
    recipe = pipeline.with_model("echo", name="tuned", trainer={"voice": "unsteady", "seeds": [1, 2]})
    recipe = recipe.with_generation(repeats=2, temperature=0.5).with_decision(baseline="tuned", margin=0.1)

    (board,) = run(recipe.with_noise_floor(), LocalStore(tmp_path), registry).leaderboards

    assert [("tuned", 120, 120), ("base", 60, 60)] == [
        (cell.candidate, cell.questions, cell.answered) for cell in board.cells
    ]
    assert board.noise_floor is not None
    assert board.noise_floor.text.startswith("tuned (seed 1), asked twice, has the same Exact match both times")
