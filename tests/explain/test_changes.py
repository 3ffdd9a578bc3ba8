"""What changed between the inputs of a step and those of an earlier run: each kind of input in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from llmops_sdk import Pipeline
from llmops_sdk.explain.changes import compare_plans, find_changes
from llmops_sdk.explain.earlier import RecordedStep
from llmops_sdk.values.step_records import Succeeded

from .conftest import RunPipeline, make_pipeline

if TYPE_CHECKING:
    from llmops_sdk import Run


def recorded(run: Run, step: str) -> RecordedStep:
    """Return a step as a run completed it."""
    record = run.record(step)
    assert isinstance(record, Succeeded)
    return RecordedStep(run, run.plan.step_by_name[step], record)


def changes(before: Run, after: Run, step: str) -> dict[str, str]:
    """Return what changed about a step."""
    return find_changes(recorded(before, step), recorded(after, step))


def _with_seed(pipeline: Pipeline) -> Pipeline:
    return pipeline.with_generation(temperature=0.5, stop=["END"])


def _with_prompt(pipeline: Pipeline) -> Pipeline:
    spec = attrs.evolve(pipeline.spec, prompts=())
    return attrs.evolve(pipeline, spec=spec).with_prompt(
        "template", name="bare", prompt="Q: {instruction}", response_key=" A:"
    )


@pytest.mark.parametrize(
    ("change", "step", "expected"),
    [
        (
            lambda pipeline: pipeline.with_trainer(voice="quiet"),
            "train.loud.bare.lines",
            {"the options of trainer 'echo-trainer'": "voice 'direct-loud' → 'quiet'"},
        ),
        (
            lambda pipeline: pipeline.with_trainer(voice="quiet"),
            "generate.loud.bare.lines",
            {
                "the weights of model 'loud'": "those that step 'train.loud.bare.lines' made; "
                "see: llmops explain RUN train.loud.bare.lines"
            },
        ),
        (
            _with_seed,
            "generate.quiet",
            {"the generation options": 'temperature 0.0 → 0.5, stop [] → ["END"]'},
        ),
        (
            lambda _: make_pipeline("loud"),
            "score.quiet.bare.lines",
            {
                "the answers of candidate 'quiet'": "those that step 'generate.quiet' got; "
                "see: llmops explain RUN generate.quiet"
            },
        ),
        (
            lambda pipeline: pipeline.with_evaluator("qa-accuracy", metrics=["f1"]),
            "score.quiet.bare.lines",
            {"the options of evaluator 'qa-accuracy'": "new", "what evaluator 'qa-accuracy' uses": "new"},
        ),
    ],
    ids=["trainer", "weights", "generation", "answers", "evaluator"],
)
def test_a_changed_input_is_shown_before_and_after(
    pipeline: Pipeline, run: RunPipeline, change: Any, step: str, expected: dict[str, str]
) -> None:
    """An option's value, the step that made other weights or answers, a new evaluator."""
    before, after = run(pipeline).run, run(change(pipeline)).run

    assert {name: text.replace("RUN", after.id) for name, text in expected.items()} == changes(before, after, step)


def test_a_changed_data_file_is_shown_by_its_records(tmp_path: Path, run: RunPipeline) -> None:
    """And by the details of its source; with as many records as before, by their hash."""
    file = tmp_path / "data.jsonl"

    def write(*words: str) -> Run:
        lines = [f'{{"instruction": "{word}", "response": "{word.upper()}"}}\n' for word in words]
        file.write_text("".join(lines), encoding="utf-8")
        pipeline = Pipeline.builder("files").with_dataset("jsonl", name="words", path=str(file))
        pipeline = pipeline.with_prompt("bare").with_model("echo", fine_tune=False)
        return run(pipeline.with_evaluator("echo-score")).run

    first, second, third = write("a", "b", "c"), write("a", "b", "c", "d"), write("a", "b", "c", "e")

    assert (
        "0 train and 3 test records → 0 train and 4 test records"
        in changes(first, second, "prepare.words")["the data of dataset 'words'"]
    )
    (same,) = changes(second, third, "generate.echo").values()
    assert "→" in same


def test_a_changed_prompt_is_shown_where_it_differs(pipeline: Pipeline, run: RunPipeline) -> None:
    """By the field of the template."""
    before, after = run(pipeline).run, run(_with_prompt(pipeline)).run

    text = changes(before, after, "generate.quiet")["the prompt 'bare'"]
    assert "prompt " in text
    assert "'Q: {instruction}'" in text
    assert "response_key '' → ' A:'" in text


def test_a_changed_load_is_shown(pipeline: Pipeline, run: RunPipeline) -> None:
    """Its numbers, or that an option of the deployer changes the speed; one that was not measured before is new."""
    plain, before = run(pipeline).run, run(pipeline.with_load(1, requests=4)).run
    more = run(pipeline.with_load(1, 2, requests=4)).run
    other = run(pipeline.with_load(1, requests=4).with_deployer(concurrency=3)).run

    assert {"the load": "new"} == changes(plain, before, "generate.quiet")
    assert {"the load": "concurrency [1] → [1, 2]"} == changes(before, more, "generate.quiet")
    assert {"the load": "the options of its deployer"} == changes(before, other, "generate.quiet")


def test_another_version_of_a_plugin_is_shown(pipeline: Pipeline, run: RunPipeline) -> None:
    """Where the options are the same, and their key is not."""
    before, after = run(pipeline).run, run(pipeline.with_trainer(voice="quiet")).run
    step = "train.loud.bare.lines"
    pins = tuple(attrs.evolve(pin, version="99.0") for pin in after.plan.plugins)
    plan = attrs.evolve(before.plan, plugins=pins)
    newer = RecordedStep(after.with_plan(plan), plan.step_by_name[step], recorded(after, step).record)

    (text,) = find_changes(recorded(before, step), newer).values()

    assert text.startswith("plugin ")
    assert text.endswith(" → 'llmops-sdk 99.0'") or " 99.0'" in text


def test_edited_code_is_shown_by_its_hash(pipeline: Pipeline, run: RunPipeline) -> None:
    """There is no more to say of it; an input without words of its own is shown so, too."""
    done = recorded(run(pipeline).run, "score.quiet.bare.lines")

    def with_inputs(**inputs: str) -> RecordedStep:
        names = {"code": "the code of evaluator 'mine'", "other": "something else"}
        record = attrs.evolve(done.record, inputs={names[name]: value for name, value in inputs.items()})
        return attrs.evolve(done, record=record)

    assert {
        "the code of evaluator 'mine'": "edited: 00000000 → 11111111",
        "something else": "22222222 → 33333333",
    } == find_changes(with_inputs(code="0" * 64, other="2" * 64), with_inputs(code="1" * 64, other="3" * 64))
    assert {"something else": "no longer there"} == find_changes(
        with_inputs(code="0", other="2"), with_inputs(code="0")
    )


def test_the_comparison_is_explained_by_the_plan_and_the_steps_before(pipeline: Pipeline, run: RunPipeline) -> None:
    """Its inputs are not recorded."""
    before = run(pipeline).run
    after = run(pipeline.with_decision(baseline="quiet", margin=0.1).with_trainer(voice="quiet")).run

    changed = compare_plans(recorded(before, "compare"), recorded(after, "compare"))

    assert ("'' → 'quiet'", "none → 0.1") == (changed["the baseline"], changed["the margin"])
    assert f"see: llmops explain {after.id} score.loud.bare.lines" in changed["step 'score.loud.bare.lines'"]
    assert "step 'score.quiet.bare.lines'" not in changed
