"""A plan as it is printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmops_sdk import Pipeline
from llmops_sdk.cli.output.plan import show_plan
from llmops_sdk.plugin.registry import Registry

if TYPE_CHECKING:
    import pytest


def shown(pipeline: Pipeline, registry: Registry, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of a pipeline's plan."""
    show_plan(pipeline.build(registry))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_every_part_has_its_options(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Datasets, prompts, models with trainer and deployer, generation, evaluators, metric, executor and the rest."""
    pipeline = Pipeline.builder("p").with_dataset("lines", records=8).with_prompt("bare").with_evaluator("echo-score")
    lines = shown(
        pipeline.with_model("echo", name="tuned", trainer="echo-trainer").with_settings("testing", note="x"),
        registry,
        capsys,
    )

    assert "pipeline 'p': 1 candidate on 1 dataset, asks 1 model, will fine-tune 1 model, 5 steps" == lines[0]
    for line in (
        "dataset lines records=8 test_fraction=0.5 seed=0",
        "prompt bare {context}",
        "model tuned loud",
        "trainer echo-trainer voice='loud' seed=0 fails=False",
        "settings testing note='x'",
        "reporter html path=''",
        "decided by exact",
        "executor local workers=None",
    ):
        assert line in lines
    assert ["steps", "prepare.lines"] == lines[lines.index("steps") : lines.index("steps") + 2]


def test_seeds_are_trainings(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """They stand in place of the trainer's seed, and the first line counts them."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    lines = shown(pipeline.with_model("echo", name="tuned", seeds=[1, 2, 3]), registry, capsys)

    assert "will fine-tune 1 model in 3 trainings" in lines[0]
    assert "trainer echo-trainer voice='loud' fails=False" in lines
    assert "training one for each of the seeds 1, 2, 3:" in lines
    assert "train.tuned.bare.lines.seed3" in lines


def test_a_long_prompt_is_cut(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Its first words identify it; line breaks are shown as such."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("alpaca").with_evaluator("echo-score")
    lines = shown(pipeline.with_model("echo", fine_tune=False), registry, capsys)

    (prompt,) = [line for line in lines if line.startswith("prompt alpaca ")]
    assert prompt.endswith("…")
    assert "request.\\n" in prompt


def test_a_hosted_model_has_its_address_and_its_exceptions(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is left out of its requests, and what is renamed."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    varies = {"temperature": None, "max_tokens_field": "max_completion_tokens"}
    lines = shown(pipeline.with_model("openai/o4-mini", varies=varies), registry, capsys)

    assert "model o4-mini o4-mini base_url='https://api.openai.com/v1' api='chat'" in lines
    assert "varies temperature left out, max_tokens_field max_completion_tokens" in lines
    assert "pipeline 'p': 1 candidate on 1 dataset, asks 1 model, fine-tunes none, 4 steps" == lines[0]


def test_the_prompts_of_each_model_are_shown(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """With the one it is fine-tuned with; without it the number of trainings is in the summary."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_prompt("plain")
    pipeline = pipeline.with_evaluator("echo-score").with_model("echo", name="base", fine_tune=False, prompts=["plain"])

    once = shown(pipeline.with_model("echo", name="tuned", train_prompt="bare"), registry, capsys)
    each = shown(pipeline.with_model("echo", name="tuned"), registry, capsys)

    assert ["prompts plain", "prompts bare, plain"] == [line for line in once if line.startswith("prompts")]
    assert "training with prompt bare" in once
    assert "3 candidates on 1 dataset, asks 2 models, will fine-tune 1 model, 8 steps" in once[0]
    assert "asks 2 models, will fine-tune 1 model in 2 trainings, 10 steps" in each[0]


def test_what_is_asked_several_times_is_shown(
    registry: Registry, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The number of repeats, a model that has none, and the candidate of the noise floor."""
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"context": "line 1", "answer": "LINE 1"}\n', encoding="utf-8")
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("recorded", name="old", path=str(answers)).with_model("echo", fine_tune=False)

    lines = shown(pipeline.with_generation(repeats=3).with_noise_floor(), registry, capsys)

    assert any(line.startswith("generation ") and line.endswith("repeats=3") for line in lines)
    assert 1 == lines.count("repeats none: its answers to a record are always the same")
    assert "noise floor echo asked a second time, and compared with itself" in lines


def test_retention_is_shown_with_its_bases(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """A base that is no candidate is asked about the second dataset only."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    lines = shown(pipeline.with_model("echo", name="tuned").with_retention(max_test_records=8), registry, capsys)

    assert "1 candidate on 1 dataset, asks 2 models" in lines[0]
    assert "decided by exact each tuned candidate no worse than its base by 0.05" in lines
    assert "base of tuned tuned-base, which is no candidate and asked about general only" in lines


def test_forms_are_shown_with_their_reference(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """One model is fine-tuned, and its training is shown once."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    lines = shown(pipeline.with_model("echo", name="m", serve_as=["own", "loud"]), registry, capsys)

    assert "2 candidates on 1 dataset, asks 2 models, will fine-tune 1 model, 7 steps" in lines[0]
    assert 1 == sum(line.startswith("trainer ") for line in lines)
    assert "weights m.own the same, served in another form" in lines
    assert "equivalent m.loud each to m.own within 0.05" in lines
