"""The builder and the specification file: two spellings of one pipeline."""

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
    .with_metric("meteor")
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
metric: meteor
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


def test_file_and_code_are_one_pipeline(tmp_path: Path, registry: Registry) -> None:
    """`to_yaml` writes what was said, `from_yaml` of it plans the very same."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(FULL.to_yaml(), encoding="utf-8")

    assert FULL.build(registry) == Pipeline.from_yaml(path).build(registry)
    assert FILE.split("generation:", maxsplit=1)[0] == FULL.to_yaml().split("generation:")[0]
    assert FILE.split("evaluators:")[1] == FULL.to_yaml().split("evaluators:")[1]


def test_a_models_own_trainer_options_win(registry: Registry) -> None:
    """`with_trainer` is for every model; what a model says itself stands."""
    pipeline = Pipeline.builder().with_trainer(epochs=2.0, rank=4).with_model("smollm2", trainer={"rank": 8})

    trainer = pipeline.build(registry).models[0].trainer

    assert trainer is not None
    assert (2.0, 8) == (trainer.options["epochs"], trainer.options["rank"])


def test_overrides(tmp_path: Path) -> None:
    """`--set` reaches into lists by number and into mappings by name, and reads YAML values."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(FULL.to_yaml(), encoding="utf-8")

    changed = Pipeline.from_yaml(
        path, overrides=("models.1.trainer.max_steps=9", "generation.temperature=0.5", "name=other")
    )

    assert 9 == changed.spec.models[1].trainer.options["max_steps"]
    assert 0.5 == changed.spec.generation.temperature
    assert "other" == changed.spec.name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "holds no mapping"),
        ("models: smollm2\n", "models is a list; write `- ` before each item"),
        ("models: [{name: x}]\n", "models.0 does not say which plugin to use; write `use: NAME`"),
        ("modles: []\n", "unknown key 'modles'; did you mean 'models'?"),
        ("name: 3\n", "name is text, not 3"),
        ("models: [{use: smollm2, fine_tune: maybe}]\n", "models.0.fine_tune is true or false, not 'maybe'"),
        ("models: [{use: smollm2, trainer: [1]}]\n", "models.0.trainer is a mapping"),
        ("generation: {max_new_tokens: many}\n", "generation: expected a whole number, found 'many' in max_new_tokens"),
        ("generation: {max_new_tokens: 0}\n", "'max_new_tokens' must be >= 1: 0"),
        ("generation: {max_tokens: 5}\n", "unknown max_tokens"),
        ("models: [a\n", "is not valid YAML"),
        ("settings: {aws: 3}\n", "settings.aws is a mapping"),
    ],
)
def test_a_file_that_does_not_fit_says_where(text: str, message: str, tmp_path: Path) -> None:
    """One line, with the file, the place in it and what would be right."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(SpecError) as found:
        Pipeline.from_yaml(path)

    assert message in str(found.value)
    assert str(path) in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("name", "an override is written KEY.PATH=VALUE"),
        ("models.7.name=x", "has no place 'models.7'"),
        ("models.first.name=x", "has no place 'models.first'"),
        ("name.x.y=1", "has no place"),
    ],
)
def test_an_override_without_a_place_is_told(override: str, message: str, tmp_path: Path) -> None:
    """An override that reaches nothing names itself and the place that is not there."""
    path = tmp_path / "pipeline.yaml"
    path.write_text(FULL.to_yaml(), encoding="utf-8")

    with pytest.raises(SpecError, match=message):
        Pipeline.from_yaml(path, overrides=(override,))


def test_generation_options_are_checked_at_once() -> None:
    """A misspelled or ill-typed generation option is refused where it is written."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_tokens'"):
        Pipeline.builder().with_generation(max_tokens=3)  # type: ignore[call-arg]
    with pytest.raises(SpecError, match="expected a number, found 'hot' in temperature"):
        Pipeline.builder().with_generation(temperature="hot")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"stop=\['x'\]"):
        Pipeline.builder().with_generation(stop="x")


def test_another_executor_keeps_what_it_knows(registry: Registry) -> None:
    """Options that both have with the same default; what is a matter of the place, such as `poll_seconds`, is left."""
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
