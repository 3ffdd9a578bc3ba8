"""A finished run with four candidates, in a store of the session: right, wrong, and two that are right now and then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import llmops_sdk.testing
from llmops_sdk import LocalStore, Pipeline, Progress, Run
from llmops_sdk.plugin.registry import Registry

VOICES = ("loud", "quiet", "unsteady-1", "unsteady-2")

RunIt = Callable[..., Run]


def echoes(records: int = 120, voices: tuple[str, ...] = VOICES, prompt: str = "bare", seed: int = 0) -> Pipeline:
    """A pipeline with one candidate for each voice; half of the records are test records."""
    pipeline = Pipeline.builder("echoes").with_dataset("lines", records=records, seed=seed).with_prompt(prompt)
    for voice in voices:
        pipeline = pipeline.with_model("echo", name=voice, voice=voice, fine_tune=False)
    return pipeline.with_evaluator("echo-score")


@pytest.fixture(name="run_it", scope="session")
def _run_it(tmp_path_factory: pytest.TempPathFactory) -> RunIt:
    """Runs a pipeline in the store of the session, without output."""
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    store = LocalStore(tmp_path_factory.mktemp("gate") / "runs")
    home = tmp_path_factory.mktemp("gate-home")

    def run_it(pipeline: Pipeline) -> Run:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LLMOPS_HOME", str(home))
            return pipeline.run(store=store, registry=registry, progress=Progress()).run

    return run_it


@pytest.fixture(name="finished", scope="session")
def _finished(run_it: RunIt) -> Run:
    """The run; nothing in it changes."""
    return run_it(echoes())


@pytest.fixture(name="baseline")
def _baseline(finished: Run, tmp_path: Path) -> Path:
    """A baseline file with the scores of one of the unsteady candidates, `unsteady-1`."""
    from llmops_sdk.gate.decide import update_baselines
    from llmops_sdk.gate.specification import gate_from

    gate = gate_from({"exact": {"not_worse_than": "baseline.json", "margin": 0.1}}, where="gate.yaml", folder=tmp_path)
    update_baselines(finished, gate, candidate="unsteady-1")
    return tmp_path / "baseline.json"
