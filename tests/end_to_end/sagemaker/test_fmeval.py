"""The article's flow with FMEval's own scores, in a rehearsal: a container of a score step runs FMEval in its environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("moto")
pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.emulator.metadata import jumpstart_files
from llmops_sdk import Pipeline, Progress
from llmops_sdk.plugin.registry import Registry

from ...plugins.sagemaker.fixtures import MODEL_ID, ROLE

METRICS = ("rougeL", "meteor", "bertscore")


@pytest.mark.slow
@pytest.mark.timeout(1800)  # the first test that needs FMEval's environment builds it
@pytest.mark.usefixtures("fmeval_python")
def test_the_articles_flow_is_scored_by_fmeval(
    tiny_model: Path, registry: Registry, assets_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its values are those of the evaluator without it, computed in the same step."""
    monkeypatch.setenv("LLMOPS_HOME", str(assets_home))
    for name, data in jumpstart_files({MODEL_ID: "2.*"}, "us-east-1").items():
        (tmp_path / "jumpstart" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "jumpstart" / name).write_bytes(data)
    for files in ("MANIFEST", "SPECS"):
        monkeypatch.setenv(f"AWS_JUMPSTART_{files}_LOCAL_ROOT_DIR_OVERRIDE", str(tmp_path / "jumpstart"))
    pipeline = (
        Pipeline.builder("article")
        .with_dataset("sample", category="summarization", test_fraction=0.2, seed=42, max_test_records=4)
        .with_prompt("alpaca")
        .with_model(
            "llama-2-7b",
            accept_eula=True,
            trainer={"poll_seconds": 0.2},
            deployer={"poll_seconds": 0.2},
        )
        .with_generation(max_new_tokens=8)
        .with_evaluator("fmeval-summarization-accuracy", rouge_type="rougeL")
        .with_evaluator("summarization-accuracy", metrics=METRICS)
        .with_settings("sagemaker", region="us-east-1", role=ROLE)
        .with_executor("sagemaker-rehearsal", substitute_options={"weights": str(tiny_model)}, substitute_steps=2)
    )

    result = pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress())

    assert () == result.failures
    (cell,) = result.leaderboards[0].cells
    assert "fmeval_rougeL" == result.leaderboards[0].metric
    assert {4} == {estimate.records for estimate in cell.estimates.values()}
    means = {name: estimate.mean for name, estimate in cell.estimates.items()}
    for name in METRICS:
        assert means[f"fmeval_{name}"] == pytest.approx(means[name], abs=1e-5 if name == "bertscore" else 0), name
    (metadata,) = [json.loads(path.read_text()) for path in (tmp_path / "runs").rglob("fmeval.json")]
    assert "1.2.3" == metadata["versions"]["fmeval"]
    log = (result.run.read_log("container.score-llama-2-7b-alpaca-sample") or b"").decode()
    assert "fmeval_rougeL" in log
