"""A plan as it is printed."""

from __future__ import annotations

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

    assert "pipeline 'p': 1 candidate on 1 dataset, fine-tunes 1 model, 5 steps" == lines[0]
    for line in (
        "dataset lines records=8 test_fraction=0.5 seed=0",
        "prompt bare {context}",
        "model tuned loud",
        "trainer echo-trainer voice='loud' fails=False",
        "settings testing note='x'",
        "reporter html path=''",
        "decided by exact",
        "executor local workers=None",
    ):
        assert line in lines
    assert ["steps", "prepare.lines"] == lines[lines.index("steps") : lines.index("steps") + 2]


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
    assert "varies temperature=None max_tokens_field='max_completion_tokens'" in lines
