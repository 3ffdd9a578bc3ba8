"""Why a step was reused or done again: the run it was taken from, or the input that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk.values.step_records import Succeeded

from . import conftest

if TYPE_CHECKING:
    from llmops_sdk import Pipeline, Result
    from llmops_sdk.plugin.registry import Registry
    from llmops_sdk.record.stores import Store


def _reasons(result: Result) -> dict[str, str]:
    records = [result.run.record(step.name) for step in result.run.plan.steps]
    return {record.step: record.reason for record in records if isinstance(record, Succeeded)}


def test_the_first_run_needs_no_reason(pipeline: Pipeline, run: conftest.Run) -> None:
    """There is nothing that it could have reused."""
    assert {""} == set(_reasons(run(pipeline)).values())


def test_a_reused_step_names_the_run_that_made_it(pipeline: Pipeline, run: conftest.Run) -> None:
    """All steps of a pipeline that is run again, unchanged."""
    first = run(pipeline)

    reasons = _reasons(run(pipeline))

    assert {f"same inputs as in run {first.run.id}"} == set(reasons.values())


def test_a_step_that_is_done_again_names_the_input_that_changed(two_models: Pipeline, run: conftest.Run) -> None:
    """Changed options are named, and what follows from them; what did not change is reused."""
    first = run(two_models)
    since = f"changed since run {first.run.id}: "

    reasons = _reasons(run(two_models.with_generation(max_new_tokens=7).with_trainer(voice="quiet")))

    assert f"same inputs as in run {first.run.id}" == reasons["prepare.lines"]
    assert f"{since}the options of trainer 'echo-trainer'" == reasons["train.loud.bare.lines"]
    assert f"{since}the generation options" == reasons["generate.quiet"]
    assert f"{since}the weights of model 'loud', the generation options" == reasons["generate.loud.bare.lines"]


def test_a_new_evaluator_is_named_as_new(pipeline: Pipeline, run: conftest.Run) -> None:
    """The answers are reused."""
    first = run(pipeline)

    reasons = _reasons(run(pipeline.with_evaluator("qa-accuracy", metrics=["f1"])))

    assert reasons["generate.echo"].startswith("same inputs")
    assert (
        f"changed since run {first.run.id}: the options of evaluator 'qa-accuracy' (new), "
        "what evaluator 'qa-accuracy' uses (new)" == reasons["score.echo.bare.lines"]
    )


def test_a_fresh_step_names_the_option(pipeline: Pipeline, run: conftest.Run, store: Store, registry: Registry) -> None:
    """It is done again although nothing changed."""
    run(pipeline)

    result = pipeline.run(store=store, registry=registry, fresh=("score",))

    assert "done again as --fresh asks" == _reasons(result)["score.echo.bare.lines"]


def test_a_removed_artifact_is_named(pipeline: Pipeline, run: conftest.Run, store: Store) -> None:
    """Nothing changed; what the earlier run made is gone."""
    first = run(pipeline)
    record = first.run.record("generate.echo")
    assert isinstance(record, Succeeded)
    store.delete(f"artifacts/{record.artifacts['echo.bare.lines']}/")

    assert f"what run {first.run.id} made is damaged or gone" == _reasons(run(pipeline))["generate.echo"]
