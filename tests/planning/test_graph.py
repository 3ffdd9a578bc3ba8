"""The cells of a plan, and its steps in an order that can be run."""

from __future__ import annotations

from llmops_sdk import Pipeline, Registry
from llmops_sdk.values.plan import GenerateStep, Plan, ScoreStep, TrainStep


def echo() -> Pipeline:
    return Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


def test_cells_are_the_cross_product(registry: Registry) -> None:
    """A base model is deployed once, a fine-tuned one once for each dataset and prompt."""
    pipeline = (
        echo()
        .with_dataset("lines", name="more", records=30)
        .with_prompt("bare", name="other")
        .with_model("echo", name="base", fine_tune=False)
        .with_model("echo", name="tuned")
    )

    plan = pipeline.build(registry)

    assert 8 == len(plan.cells)
    assert 4 == sum(isinstance(step, TrainStep) for step in plan.steps)
    generates = [step for step in plan.steps if isinstance(step, GenerateStep)]
    assert [4, 1, 1, 1, 1] == [len(step.cells) for step in generates]
    assert 8 == sum(isinstance(step, ScoreStep) for step in plan.steps)
    assert {"base.bare", "base.other", "tuned.bare", "tuned.other"} == {cell.candidate for cell in plan.cells}


def test_one_prompt_is_no_part_of_a_candidates_name(registry: Registry) -> None:
    """The candidate is then called like its model."""
    assert ["echo"] == [cell.candidate for cell in echo().with_model("echo").build(registry).cells]


def test_train_on_trains_once_for_all_datasets(registry: Registry) -> None:
    """`train_on` fine-tunes on one dataset, and evaluates that model on every one."""
    pipeline = echo().with_dataset("lines", name="more", records=30).with_model("echo", train_on="lines")

    plan = pipeline.build(registry)

    assert ["train.echo.bare.lines"] == [step.name for step in plan.steps if isinstance(step, TrainStep)]
    (generate,) = (step for step in plan.steps if isinstance(step, GenerateStep))
    assert ("echo.bare.lines", "echo.bare.more") == generate.cells
    assert {"train.echo.bare.lines", "prepare.lines", "prepare.more"} == set(generate.needs)


def test_each_seed_is_trained_and_asked_on_its_own(registry: Registry) -> None:
    """Its cells belong to the same candidate; names without seeds stay what they are."""
    pipeline = echo().with_dataset("lines", name="more", records=30).with_model("echo", train_on="lines", seeds=[1, 2])

    plan = pipeline.build(registry)

    cells = [("echo.bare.lines.seed1", "echo", 1), ("echo.bare.lines.seed2", "echo", 2)]
    assert cells == [(cell.name, cell.candidate, cell.seed) for cell in plan.cells if cell.dataset == "lines"]
    assert "candidate 'echo' (seed 2) on 'lines'" == plan.cell_by_name["echo.bare.lines.seed2"].label
    trains = [step for step in plan.steps if isinstance(step, TrainStep)]
    assert [("train.echo.bare.lines.seed1", 1), ("train.echo.bare.lines.seed2", 2)] == [
        (step.name, step.seed) for step in trains
    ]
    generates = [step for step in plan.steps if isinstance(step, GenerateStep)]
    assert ("echo.bare.lines.seed2", "echo.bare.more.seed2") == generates[1].cells
    assert trains[1].name == generates[1].train
    assert Plan.from_json(plan.json) == plan


def test_steps_come_after_what_they_need(registry: Registry) -> None:
    """The steps can be run in the plan's order."""
    plan = echo().with_model("echo").with_model("echo", name="base", fine_tune=False).build(registry)

    earlier: set[str] = set()
    for step in plan.steps:
        assert set(step.needs) <= earlier
        earlier.add(step.name)
    assert "compare" == plan.steps[-1].name


def test_looks_repeat_asking_and_scoring(registry: Registry) -> None:
    """A look after each part but the last; training is done once, and a model is asked after its earlier part."""
    pipeline = echo().with_model("echo", name="tuned").with_model("echo", name="base", fine_tune=False)

    plan = pipeline.with_early_stopping(2).build(registry)

    assert [
        "prepare.lines",
        "train.tuned.bare.lines",
        "generate.tuned.bare.lines@look1",
        "score.tuned.bare.lines@look1",
        "generate.base@look1",
        "score.base.bare.lines@look1",
        "look.1",
        "generate.tuned.bare.lines@look2",
        "score.tuned.bare.lines@look2",
        "generate.base@look2",
        "score.base.bare.lines@look2",
        "compare",
    ] == [step.name for step in plan.steps]
    assert ("prepare.lines", "generate.base@look1", "look.1") == plan.step_by_name["generate.base@look2"].needs
    assert ("score.tuned.bare.lines@look1", "score.base.bare.lines@look1") == plan.step_by_name["look.1"].needs
    assert ("score.tuned.bare.lines@look2", "score.base.bare.lines@look2") == plan.step_by_name["compare"].needs
    earlier: set[str] = set()
    for step in plan.steps:
        assert set(step.needs) <= earlier
        earlier.add(step.name)


def test_a_step_is_fresh_at_all_its_looks(registry: Registry) -> None:
    """It is named without a look."""
    two = echo().with_model("echo", name="a").with_model("echo", name="b", fine_tune=False)

    plan = two.with_early_stopping(2).build(registry).with_fresh(["generate.b"])

    assert [True, True, False] == [
        plan.is_fresh(f"generate.{name}") for name in ("b@look1", "b@look2", "a.bare.lines@look1")
    ]
