"""Training seeds: which trainings they stand for, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.planning.seeds import join_trainer_options, options_by_seed
from llmops_sdk.plugin import TrainerCard
from llmops_sdk.testing.options import EchoTrainerOptions

CARD = TrainerCard(
    name="echo-trainer", summary="", load="a:B", options=EchoTrainerOptions, accepts=("echo",), produces="echo"
)


def echo() -> Pipeline:
    return Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


def test_each_seed_is_a_value_of_the_option_seed() -> None:
    """Without seeds there is one training, with the trainer's own seed."""
    assert {None: {"seed": 7}} == options_by_seed({"seed": 7}, CARD, "here")
    assert {1: {"voice": "loud", "seed": 1}, 0: {"voice": "loud", "seed": 0}} == options_by_seed(
        {"voice": "loud", "seeds": [1, 0]}, CARD, "here"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 3}, "here: seeds is a list of whole numbers, such as [1, 2, 3], not 3"),
        ({"seeds": "12"}, "seeds is a list of whole numbers"),
        ({"seeds": [1, -2]}, "seeds are whole numbers from 0, such as [1, 2, 3], not -2"),
        ({"seeds": [1, 2.0]}, "not 2.0"),
        ({"seeds": [1, True]}, "not True"),
        ({"seeds": []}, "seeds has no seed; name two or more, such as [1, 2, 3], or remove it"),
        (
            {"seeds": [4]},
            "seeds has one seed; name two or more, such as [1, 2, 3], or for a single training write `seed: 4`",
        ),
        ({"seeds": [1, 2, 1]}, "seeds has 1 twice; the same seed gives the same checkpoint"),
        ({"seeds": [1, 2], "seed": 3}, "it has both seed and seeds; drop one of the two"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused(options: dict[str, Any], message: str) -> None:
    """One line names the mistake and what to write."""
    with pytest.raises(SpecError) as caught:
        options_by_seed(options, CARD, "here")

    assert message in str(caught.value)


def test_a_trainer_without_a_seed_is_refused() -> None:
    """All of its trainings would be the same."""
    card = TrainerCard(name="fixed", summary="", load="a:B", accepts=("echo",), produces="echo")

    with pytest.raises(SpecError, match="trainer 'fixed' has no option 'seed', so it cannot train with several seeds"):
        options_by_seed({"seeds": [1, 2]}, card, "here")


def test_a_models_own_seed_replaces_the_pipelines_seeds() -> None:
    """And the other way round: a model may be trained once beside others with seeds."""
    assert {"seed": 1, "voice": "a"} == join_trainer_options({"seed": 1}, {"seeds": [1, 2], "voice": "a"})
    assert {"seeds": [1, 2]} == join_trainer_options({"seeds": [1, 2]}, {"seed": 1})
    assert {"voice": "b", "seeds": [1, 2]} == join_trainer_options({"voice": "b"}, {"seeds": [1, 2], "voice": "a"})


def test_the_plan_has_a_trainer_for_each_seed(registry: Registry) -> None:
    """Its key is that of a single training with this seed, so what was trained before is found."""
    once = echo().with_model("echo", trainer={"seed": 2}).build(registry).models[0]
    model = echo().with_model("echo", seeds=[1, 2]).build(registry).models[0]

    assert (1, 2) == model.seeds
    assert model.trainer == model.trainers[0] == model.trainer_of(1)
    assert once.trainer == model.trainer_of(2)
    assert ((), ()) == (once.seeds, once.trainers)
    assert once.trainer == once.trainer_of(None)


def test_all_ways_to_write_seeds_mean_the_same(registry: Registry) -> None:
    """In a model's trainer, in that of all models, and beside an object of options."""
    base = echo()
    pipelines = [
        base.with_model("echo", seeds=(1, 2)),
        base.with_model("echo", trainer={"seeds": [1, 2]}),
        base.with_model("echo", trainer=EchoTrainerOptions(), seeds=[1, 2]),
        base.with_trainer(seeds=[1, 2]).with_model("echo"),
        base.with_trainer("echo-trainer", EchoTrainerOptions(), seeds=[1, 2]).with_model("echo"),
    ]

    assert 1 == len({pipeline.build(registry).hash for pipeline in pipelines})
    assert pipelines[0].build(registry) == pipelines[0].build(registry)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (echo().with_model("echo", fine_tune=False, seeds=[1, 2]), "it has seeds, but fine_tune is false"),
        (echo().with_model("echo", trainer={"seeds": 3}), "seeds is a list of whole numbers"),
        (echo().with_model("echo", seeds=3), "seeds is a list of whole numbers"),  # type: ignore[arg-type]
        (
            echo().with_model("echo", name="a", seeds=[1, 2]).with_model("echo", name="b", seeds=[2, 3]),
            "models 'a' and 'b' are the same recipe, trained with seed 2, with the same prompt",
        ),
    ],
)
def test_a_pipeline_whose_seeds_mean_nothing_is_refused(pipeline: Pipeline, message: str, registry: Registry) -> None:
    """Before anything is trained."""
    with pytest.raises(SpecError) as caught:
        pipeline.build(registry)

    assert message in str(caught.value)


def test_other_seeds_of_the_same_recipe_may_be_compared(registry: Registry) -> None:
    """It shows how much of a difference is chance."""
    pipeline = echo().with_model("echo", name="a", seeds=[1, 2]).with_model("echo", name="b", seeds=[3, 4])

    assert ["a", "a", "b", "b"] == [cell.candidate for cell in pipeline.build(registry).cells]
