"""Forms: what `serve_as` expands to, the one training that they share, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.planning.specification.data import spec_from, spec_to
from llmops_sdk.values.forms import PlannedForms
from llmops_sdk.values.plan import GenerateStep, TrainStep


def pipeline() -> Pipeline:
    """A pipeline without a model."""
    return Pipeline.builder("echo").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")


def test_each_form_is_a_candidate_with_the_same_training(registry: Registry) -> None:
    """Named after the model and the form; the first one is the reference, the margin 5 % of the metric's range."""
    plan = pipeline().with_model("echo", name="tuned", serve_as=["own", "loud", "unsteady"]).build(registry)

    names = ["tuned.own", "tuned.loud", "tuned.unsteady"]
    assert names == [model.name for model in plan.models]
    assert names == [cell.candidate for cell in plan.cells]
    assert (PlannedForms("tuned", tuple(names), 0.05),) == plan.forms
    (train,) = (step for step in plan.steps if isinstance(step, TrainStep))
    assert ("train.tuned.bare.lines", "tuned.own") == (train.name, train.model)
    generate = [step for step in plan.steps if isinstance(step, GenerateStep)]
    assert [f"generate.{name}.bare.lines" for name in names] == [step.name for step in generate]
    assert {"train.tuned.bare.lines"} == {step.train for step in generate}
    assert plan == type(plan).from_json(plan.json)


def test_a_base_model_has_forms_too(registry: Registry) -> None:
    """Nothing is trained; other models stay what they are."""
    recipe = pipeline().with_model("echo", name="base", fine_tune=False, serve_as=["own", "loud"])
    plan = recipe.with_model("echo", name="other", voice="quiet", fine_tune=False).build(registry)

    assert ["base.own", "base.loud", "other"] == [model.name for model in plan.models]
    assert ["base", "base", ""] == [model.form_of for model in plan.models]
    assert not any(isinstance(step, TrainStep) for step in plan.steps)


def test_each_seed_is_trained_once(registry: Registry) -> None:
    """And served in each form."""
    plan = pipeline().with_model("echo", name="tuned", seeds=[1, 2], serve_as=["own", "loud"]).build(registry)

    assert ["train.tuned.bare.lines.seed1", "train.tuned.bare.lines.seed2"] == [
        step.name for step in plan.steps if isinstance(step, TrainStep)
    ]
    assert 4 == sum(isinstance(step, GenerateStep) for step in plan.steps)


def test_options_of_the_deployer_are_those_of_its_plain_forms(registry: Registry) -> None:
    """A form that stands for options has its own alone, and every form those that it names itself."""
    forms: list[Any] = [
        "own",
        {"form": "loud", "deployer": {"concurrency": 2}},
        {"form": "mine", "deployer": {"use": "echo-endpoint"}},
    ]
    recipe = pipeline().with_model("echo", name="m", fine_tune=False, deployer={"voice": "quiet"}, serve_as=forms)

    own, loud, mine = recipe.with_deployer(concurrency=3).build(registry).models

    assert ("quiet", 3) == (own.deployer.options["voice"], own.deployer.options["concurrency"])
    assert ("loud", 2) == (loud.deployer.options["voice"], loud.deployer.options["concurrency"])
    assert ("m.mine", "") == (mine.name, mine.deployer.options["voice"])


@pytest.mark.parametrize(
    "forms", [["own", "loud"], {"forms": ["own", {"form": "loud", "deployer": {"concurrency": 2}}], "margin": 0.1}]
)
def test_a_specification_is_read_as_it_is_written(forms: Any, registry: Registry) -> None:
    """As data and as arguments, with the margin."""
    spec = pipeline().with_model("echo", name="tuned", serve_as=forms).spec

    data = spec_to(spec)
    assert forms == data["models"][0]["serve_as"]
    assert spec == spec_from(data, where="f.yaml", folder=Path())
    (planned,) = Pipeline(spec).build(registry).forms
    assert (0.1 if isinstance(forms, dict) else 0.05) == planned.margin


@pytest.mark.parametrize(
    ("forms", "message"),
    [
        (["own", "loudd"], r"model 'tuned': serve_as: no form is called 'loudd'; did you mean 'loud'\?; a form of your own"),
        (["own", "own"], "model 'tuned': serve_as has the form 'own' twice"),
        (["own"], "model 'tuned': serve_as has one form, 'own': add the one that it is compared with, or remove serve_as"),
        ([], r"model 'tuned': serve_as is a list of forms, such as \[local, gguf-q8\], not \[\]"),
        ("own", "serve_as is a list of forms, such as .* not 'own'"),
        ([3], "serve_as.0 is a mapping of names to values, not 3"),
        ([{"deployer": {}}], "serve_as.0 does not name a form; write `form: NAME`"),
        ([{"form": "own", "depoyer": {}}], "serve_as.0 has an unknown key 'depoyer'; did you mean 'deployer'"),
        (["own", {"form": "a b", "deployer": "echo-endpoint"}], "the form name 'a b' may have letters"),
        (["own", {"form": "loud", "deployer": "recorded"}], "the form 'loud' is one of deployer 'echo-endpoint', not of 'recorded'"),
        (["own", {"form": "x", "deployer": {"use": "echo-endpoint"}}], "models 'tuned.own' and 'tuned.x' are the same recipe"),
        (["own", {"form": "x", "deployer": {"use": "no-such"}}], "no deployer is called 'no-such'; known: "),
        (["own", {"form": "loud", "deployer": {"voise": "x"}}], "model 'tuned', form 'loud': .*has no option 'voise'; did you mean"),
        (["own", "local"], "form 'local': deployer 'local-endpoint' serves huggingface models, and this one has the format 'echo'"),
        ({"forms": ["own", "loud"], "margin": 3}, "model 'tuned': serve_as: margin 3 leaves nothing to show: exact lies"),
        ({"forms": ["own", "loud"], "margins": 3}, "serve_as has an unknown key 'margins'; did you mean 'margin'"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(forms: Any, message: str, registry: Registry) -> None:
    """In one line with the name and the fix."""
    with pytest.raises(SpecError, match=message) as caught:
        pipeline().with_model("echo", name="tuned", serve_as=forms).build(registry)
    assert "\n" not in str(caught.value)


def test_looks_are_refused(registry: Registry) -> None:
    """Equivalence needs all records."""
    recipe = pipeline().with_model("echo", name="tuned", serve_as=["own", "loud"]).with_early_stopping()
    with pytest.raises(
        SpecError, match="stop_early cannot be combined with serve_as: whether two forms are equivalent"
    ):
        recipe.build(registry)


def test_retention_asks_every_form_and_its_base(registry: Registry) -> None:
    """Served alike."""
    plan = pipeline().with_model("echo", name="tuned", serve_as=["own", "loud"]).with_retention().build(registry)
    assert plan.retention is not None
    assert ["tuned.own-base", "tuned.loud-base"] == [base.name for base in plan.retention.models]
    assert 1 == sum(isinstance(step, TrainStep) for step in plan.steps)
    assert ["tuned"] == [forms.model for forms in plan.forms]
