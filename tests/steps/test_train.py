"""The `train` step: once in a store for the same weights, data, prompt and options."""

from __future__ import annotations

from llmops_sdk import Pipeline, Result
from llmops_sdk.plugin import Succeeded, TrainedModel

from . import conftest


def _address(result: Result, step: str) -> str:
    record = result.run.record(step)
    assert isinstance(record, Succeeded)
    return record.artifacts["model"]


def test_the_trained_model_is_an_artifact(two_models: Pipeline, run: conftest.Run) -> None:
    """With its weights, metrics and loss curve."""
    result = run(two_models)

    artifact = result.run.artifact(_address(result, "train.loud.bare.lines"))
    assert artifact is not None
    model = artifact.read(TrainedModel)
    assert ("echo", "voice", 10, 1) == (model.format, model.uri, model.metrics["rows"], len(model.curve))
    assert model == result.leaderboards[0].cells[0].training


def test_a_training_is_shared_by_runs_and_options_change_it(two_models: Pipeline, run: conftest.Run) -> None:
    """The same recipe has the same artifact; another trainer option or prompt has another one."""
    first = _address(run(two_models), "train.loud.bare.lines")

    assert first == _address(run(two_models.with_decision("noise")), "train.loud.bare.lines")
    louder = two_models.with_trainer("echo-trainer", voice="quiet")
    assert first != _address(run(louder), "train.loud.bare.lines")
