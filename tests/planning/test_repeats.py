"""How often models are asked: what is refused, what is asked once, and what is asked twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, SpecError
from llmops_sdk.planning.repeats import repeat_checks, repeats_of
from llmops_sdk.plugin import DeployerCard
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.generation_options import GenerationOptions, vary


def card(differ: Any) -> DeployerCard:
    """A deployer whose answers differ always, when they are sampled, or never."""
    return DeployerCard(name="x", summary="x", load="x:X", accepts=("x",), answers_differ=differ)


@pytest.mark.parametrize(
    ("differ", "temperature", "varies", "repeats"),
    [
        ("always", 0.0, {}, 3),
        ("sampled", 0.0, {}, 1),
        ("sampled", 0.7, {}, 3),
        ("sampled", 0.0, {"temperature": 1.0}, 3),
        ("sampled", 0.7, {"temperature": 0.0}, 1),
        ("sampled", 0.0, {"temperature": None}, 3),
        ("never", 0.7, {}, 1),
    ],
)
def test_a_model_whose_answers_are_always_the_same_is_asked_once(
    differ: Any, temperature: float, varies: dict[str, Any], repeats: int
) -> None:
    """A server of our own that decodes greedily, and recorded answers; a temperature that is left out is the server's."""
    generation = vary(GenerationOptions(temperature=temperature, repeats=3), varies)

    assert repeats == repeats_of(generation, card(differ))


LOCAL = Pipeline.builder("p").with_dataset("sample").with_prompt("plain").with_evaluator("text-metrics")
GREEDY = LOCAL.with_model("smollm2", name="base", fine_tune=False)


def hosted(pipeline: Pipeline, **options: Any) -> Pipeline:
    """Return the pipeline with a hosted model."""
    return pipeline.with_model("openai-compatible", name="api", base_url="http://127.0.0.1:1/v1", model="m", **options)


def recorded(pipeline: Pipeline, tmp_path: Path) -> Pipeline:
    """Return the pipeline with recorded answers."""
    path = tmp_path / "answers.jsonl"
    path.write_text('{"instruction": "a", "answer": "b"}\n', encoding="utf-8")
    return pipeline.with_model("recorded", name="old", path=str(path))


def test_repeats_that_no_model_has_are_refused(registry: Registry) -> None:
    """In one line that says what to do."""
    message = (
        "generation.repeats is 3, but 'base' gives the same answer to a record each time at temperature 0; set a "
        "temperature above 0, or remove repeats"
    )
    with pytest.raises(SpecError, match=message):
        GREEDY.with_generation(repeats=3).build(registry, offline=True)

    assert 3 == GREEDY.with_generation(repeats=3, temperature=0.7).build(registry, offline=True).models[0].repeats


def test_a_model_with_one_answer_does_not_stop_others(registry: Registry, tmp_path: Path) -> None:
    """Recorded answers and a greedy local model are asked once beside a hosted one."""
    pipeline = recorded(hosted(GREEDY), tmp_path).with_generation(repeats=3)

    plan = pipeline.build(registry, offline=True)

    assert {"base": 1, "api": 3, "old": 1} == {model.name: model.repeats for model in plan.models}


def test_a_hosted_model_at_temperature_0_is_warned_of(registry: Registry) -> None:
    """Its answers may be the same three times, and three times the money."""
    plan = hosted(LOCAL).with_generation(repeats=3).build(registry, offline=True)

    (check,) = repeat_checks(plan, registry)
    finding = check.run()

    assert ("model 'api'", "warning") == (check.name, finding.status)
    assert "asked 3 times at temperature 0, where openai-compatible may give 3 equal answers" in finding.text
    sampled = hosted(LOCAL, varies={"temperature": None}).with_generation(repeats=3).build(registry, offline=True)
    assert [] == list(repeat_checks(sampled, registry))


def test_a_noise_floor_of_equal_answers_is_warned_of(registry: Registry) -> None:
    """It shows what an evaluator makes of the same answers, and nothing else."""
    plan = GREEDY.with_noise_floor().build(registry, offline=True)

    (check,) = repeat_checks(plan, registry)
    finding = check.run()

    assert ("model 'base'", "warning") == (check.name, finding.status)
    assert "asked twice for the noise floor, but local-endpoint gives the same answers each time" in finding.text
    sampled = GREEDY.with_noise_floor().with_generation(temperature=0.7).build(registry, offline=True)
    assert [] == list(repeat_checks(sampled, registry))


@pytest.mark.parametrize(
    ("values", "message"),
    [({"repeats": 0}, "'repeats' must be >= 1: 0"), ({"repeats": "3"}, "expected a whole number, found '3'")],
)
def test_wrong_repeats_are_refused(values: dict[str, Any], message: str) -> None:
    """Where they are given."""
    with pytest.raises(SpecError, match=message):
        LOCAL.with_generation(**values)


def test_the_noise_floor_is_that_of_the_baseline_or_of_the_first_base_model(registry: Registry, tmp_path: Path) -> None:
    """Recorded answers cannot be asked for again, so the next base model is."""
    pipeline = recorded(LOCAL.with_model("smollm2", name="tuned"), tmp_path)
    pipeline = hosted(pipeline.with_model("smollm2", name="base", fine_tune=False)).with_noise_floor()

    assert ("base.plain.sample",) == pipeline.build(registry, offline=True).noise_floor
    named = pipeline.with_decision(baseline="tuned", margin=0.02).build(registry, offline=True)
    assert ("tuned.plain.sample",) == named.noise_floor
    assert [2, 1, 1, 1] == [named.times_asked(cell) for cell in named.cells]


def test_a_noise_floor_needs_a_model_that_can_be_asked_twice(registry: Registry, tmp_path: Path) -> None:
    """The message names the reason."""
    tuned = LOCAL.with_model("smollm2", name="tuned").with_noise_floor()

    with pytest.raises(
        SpecError, match="noise_floor asks a model twice that is not fine-tuned, and there is none here"
    ):
        tuned.build(registry, offline=True)
    with pytest.raises(SpecError, match="and the answers of those here are recorded"):
        recorded(tuned, tmp_path).build(registry, offline=True)
    with pytest.raises(SpecError, match="asks the baseline 'old' twice, but its answers are recorded"):
        recorded(tuned, tmp_path).with_decision(baseline="old", margin=0.02).build(registry, offline=True)
