"""The builder and the specification file: two ways to write one pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline
from llmops_sdk.errors import SpecError
from llmops_sdk.plugin.registry import Registry

FULL = (
    Pipeline.builder("summaries")
    .with_dataset("sample", category="summarization", test_fraction=0.2)
    .with_dataset("dolly", name="real", max_test_records=20)
    .with_prompt("alpaca")
    .with_model("smollm2", name="base", fine_tune=False)
    .with_model("smollm2", name="tuned", trainer={"max_steps": 5}, deployer="local-endpoint", train_on="sample")
    .with_trainer(epochs=2.0)
    .with_generation(max_new_tokens=64, stop=["\n\n"])
    .with_evaluator("summarization-accuracy")
    .with_decision("meteor")
    .with_settings("testing", note="x")
    .with_executor("local", workers=1)
)

FILE = """\
name: summaries
datasets:
- use: sample
  category: summarization
  test_fraction: 0.2
- use: dolly
  name: real
  max_test_records: 20
prompts:
- alpaca
models:
- use: smollm2
  name: base
  fine_tune: false
- use: smollm2
  name: tuned
  train_on: sample
  trainer:
    max_steps: 5
  deployer:
    use: local-endpoint
trainer:
  epochs: 2.0
generation:
  max_new_tokens: 64
  stop:
  - '


    '
evaluators:
- summarization-accuracy
decide_by: meteor
executor:
  use: local
  workers: 1
settings:
  testing:
    note: x
"""


def test_a_builder_is_frozen_and_can_be_forked() -> None:
    """Each `with_` returns a new pipeline, and leaves the old one as it was."""
    base = Pipeline.builder("x").with_dataset("sample")
    one, two = base.with_model("smollm2"), base.with_model("huggingface", weights="a/b")

    assert () == base.spec.models
    assert ["smollm2"] == [model.use for model in one.spec.models]
    assert ["huggingface"] == [model.use for model in two.spec.models]
    with pytest.raises(AttributeError):
        base.spec = one.spec  # type: ignore[misc]


def test_the_plan_is_what_a_run_executes(registry: Registry) -> None:
    """`plan` shows what `build` makes, defaults included."""
    pipeline = Pipeline.builder().with_dataset("lines").with_model("echo")

    assert pipeline.build(registry).json == pipeline.plan(registry).json
    assert "summarization-accuracy" == pipeline.plan(registry).evaluators[0].use


def test_file_and_code_are_one_pipeline(tmp_path: Path, registry: Registry) -> None:
    """`to_yaml` writes what was set, and `from_yaml` of that text gives the same plan."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(FULL.to_yaml(), encoding="utf-8")

    assert FULL.build(registry) == Pipeline.from_yaml(path).build(registry)
    assert FILE.split("generation:", maxsplit=1)[0] == FULL.to_yaml().split("generation:")[0]
    assert FILE.split("evaluators:")[1] == FULL.to_yaml().split("evaluators:")[1]


def test_generation_options_are_checked_at_once() -> None:
    """A misspelled or ill-typed generation option is refused where it is written."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_tokens'"):
        Pipeline.builder().with_generation(max_tokens=3)  # type: ignore[call-arg]
    with pytest.raises(SpecError, match="expected a number, found 'hot' in temperature"):
        Pipeline.builder().with_generation(temperature="hot")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"stop=\['x'\]"):
        Pipeline.builder().with_generation(stop="x")


def test_another_executor_keeps_the_options_it_shares(registry: Registry) -> None:
    """Options that both executors have with the same default are kept; others, such as `poll_seconds`, are dropped."""
    options = {"keep_alive_seconds": 300, "train_instance_type": "ml.c5.xlarge", "poll_seconds": 30.0}
    made = FULL.with_executor("sagemaker", **options)

    on_executor = made.on_executor("sagemaker-rehearsal", registry).spec.executor
    assert ("sagemaker-rehearsal", {"keep_alive_seconds": 300, "train_instance_type": "ml.c5.xlarge"}) == (
        on_executor.use,
        on_executor.options,
    )
    assert options == made.on_executor("sagemaker", registry).spec.executor.options
    assert {} == made.on_executor("local", registry).spec.executor.options
    assert made is made.on_executor("", registry)
