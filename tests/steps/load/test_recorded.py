"""What the steps of a run measured, read from its record."""

from __future__ import annotations

import attrs

from llmops_sdk import Pipeline
from llmops_sdk.steps.load.recorded import read_loads

from .. import conftest


def test_each_model_has_what_its_step_measured(two_models: Pipeline, run: conftest.Run) -> None:
    """In the order of the models, by ascending number of requests at a time; nothing in a plan without a load."""
    result = run(two_models.with_load(2, 1, requests=4))

    loads = read_loads(result.run)

    assert [("quiet", [1, 2]), ("loud", [1, 2])] == [
        (load.model, [level.concurrency for level in load.levels]) for load in loads
    ]
    assert loads == result.results.loads
    assert () == read_loads(result.run.with_plan(attrs.evolve(result.run.plan, load=None)))


def test_a_model_whose_step_failed_has_nothing(two_models: Pipeline, run: conftest.Run) -> None:
    """The others have theirs."""
    mute = two_models.with_model("echo", name="mute", voice="mute", fine_tune=False)

    loads = read_loads(run(mute.with_load(1, requests=4)).run)

    assert ["quiet", "loud"] == [load.model for load in loads]
