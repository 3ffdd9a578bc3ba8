"""FMEval in a pipeline, together with the evaluators without it; nothing is left when the process is ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import llmops_sdk.testing
from llmops_sdk import LocalStore, Pipeline, Progress
from llmops_sdk.plugin.registry import Registry

pytestmark = [
    pytest.mark.timeout(1800),  # the first test that needs FMEval's environment builds it
    pytest.mark.rare(reason="FMEval takes half a minute and more to be imported, several times over, and to start Ray"),
    pytest.mark.usefixtures("fmeval_python"),
]

SCORE = """
import sys, tempfile
from pathlib import Path
from llmops_sdk.plugin import Answer, Context, Generation, TextPrompt
from llmops_sdk.plugin.registry import Registry
tempfile.tempdir = sys.argv[1]
here = Path(sys.argv[1])
context = Context(folder=here, home=here)
evaluator = Registry.load().make("evaluator", "fmeval-factual-knowledge", {"python": sys.argv[2]})
list(evaluator.evaluate(context, [Generation(0, {"response": "x"}, TextPrompt("?", ""), Answer("x"))]))
"""


@pytest.mark.usefixtures("temporary")
def test_a_pipeline_has_both_side_by_side(
    tmp_path: Path, assets_home: Path, asset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores, probes and provenance are in the run; both evaluators agree."""
    asset("minilm")
    monkeypatch.setenv("LLMOPS_HOME", str(assets_home))
    changes: dict[str, Any] = {"field": "context", "num_perturbations": 2, "butter_finger_perturbation_prob": 0.5}
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    pipeline = (
        Pipeline.builder("fmeval")
        .with_dataset("lines", records=8)
        .with_prompt("bare")
        .with_model("echo", fine_tune=False)
        .with_evaluator("factual-knowledge")
        .with_evaluator("fmeval-factual-knowledge")
        .with_evaluator("general-semantic-robustness", **changes)
        .with_evaluator("fmeval-general-semantic-robustness", **changes)
    )
    result = pipeline.run(store=LocalStore(tmp_path / "runs"), registry=registry, progress=Progress())

    (cell,) = result.leaderboards[0].cells
    means = {name: estimate.mean for name, estimate in cell.estimates.items()}
    assert 1.0 == means["factual_knowledge"] == means["fmeval_factual_knowledge"]
    assert 0 < means["word_error_rate"] == means["fmeval_word_error_rate"]
    assert means["bertscore_dissimilarity"] == pytest.approx(means["fmeval_bertscore_dissimilarity"], abs=1e-5)
    sample = next(result.run.samples("echo.bare.lines"))
    assert sample.probes["fmeval-general-semantic-robustness"] == sample.probes["general-semantic-robustness"]
    recorded = [json.loads(path.read_text()) for path in (tmp_path / "runs").rglob("fmeval.json")]
    assert {"1.2.3"} == {metadata["versions"]["fmeval"] for metadata in recorded}


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGINT])
def test_nothing_of_ray_is_left_when_the_sdk_is_ended(temporary: Any, fmeval_python: str, name: signal.Signals) -> None:
    """Killed, or interrupted in a terminal, while Ray's servers and workers are running."""
    command = [sys.executable, "-c", SCORE, str(temporary.folder), fmeval_python]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as sdk:
        until = time.monotonic() + 150
        while not any("raylet" in " ".join(command[:1]) for command in temporary.commands().values()):
            assert sdk.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)
        assert len(temporary.processes()) > 3
        sdk.send_signal(name)
        assert sdk.wait(60) != 0
    temporary.wait_until_empty()
