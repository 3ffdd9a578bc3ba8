"""Did export or serving change it? The same weights in several forms, from the specification to the gate."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Registry, Result, SpecError, StepFailedError, resume
from llmops_sdk.gate.decide import decide
from llmops_sdk.gate.outcome import Outcome
from llmops_sdk.gate.specification import gate_from
from llmops_sdk.testing.deployer import EchoEndpoint
from llmops_sdk.values.step_records import Failed, Succeeded


@pytest.fixture(name="asked")
def _asked() -> Iterator[list[str]]:
    """The prompts that all endpoints received."""
    EchoEndpoint.asked.clear()
    yield EchoEndpoint.asked
    EchoEndpoint.asked.clear()


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A task on a hundred test records, without a candidate."""
    return Pipeline.builder("echo").with_dataset("lines", records=200).with_prompt("bare").with_evaluator("echo-score")


def run(pipeline: Pipeline, store: LocalStore, registry: Registry) -> Result:
    """Run it without output; a run with failed candidates is a result too."""
    try:
        return pipeline.run(store=store, registry=registry, progress=Progress())
    except StepFailedError as exc:
        return Result(exc.run)


def gate(margin: float = 0.05) -> Any:
    """A gate with one condition."""
    return gate_from({"equivalent": {"margin": margin}}, where="gate.yaml", folder=Path())


def test_forms_are_compared_with_the_first(
    pipeline: Pipeline, asked: list[str], tmp_path: Path, registry: Registry
) -> None:
    """By their scores and by their answers; the verdict starts with it. A second run trains and asks nothing."""
    store = LocalStore(tmp_path / "runs")
    recipe = pipeline.with_model("echo", name="tuned", serve_as=["own", "loud", "unsteady"])

    result = run(recipe, store, registry)

    (board,) = result.leaderboards
    (family,) = board.forms
    assert ("tuned", "tuned.own", ()) == (family.model, family.reference, family.without)
    same, changed = family.forms
    assert ("tuned.loud", "equivalent", 100, 100, None) == (
        same.candidate, same.outcome, same.agreement.identical, same.agreement.answers, same.agreement.first
    )  # fmt: skip
    assert same.text.endswith("All 100 answers are identical.")
    assert ("tuned.unsteady", "worse") == (changed.candidate, changed.outcome)
    assert changed.agreement.first is not None
    assert ("LINE", "line", 1) == (
        changed.agreement.first.reference, changed.agreement.first.candidate, changed.agreement.first.word
    )  # fmt: skip
    assert (
        f"{changed.agreement.identical} of 100 answers are identical; the first difference is at word 1 on record"
        in changed.text
    )
    assert (
        "The same: weights, tokens of the prompt, stop strings. Not known of both: chat template, BOS" in changed.text
    )
    headline = (
        "Of 2 forms compared with tuned.own, 1 is equivalent to it within 0.05 (tuned.loud) and 1 is worse by more than 0.05"
        " (tuned.unsteady)."
    )
    assert board.verdict.text.startswith(
        f"{headline} These checkpoints of tuned.own and tuned.loud have the same highest mean"
    )
    assert board.verdict.headline.startswith(headline)
    assert 1 == len({cell.training.uri for cell in board.cells if cell.training})
    assert 1 == len({cell.endpoint["weights"] for cell in board.cells})
    assert 1 == len(list(store.root.glob("artifacts/model/*")))
    assert headline in result.report(tmp_path / "report.html").read_text(encoding="utf-8")

    asked.clear()
    again = run(recipe, store, registry)
    assert [] == asked
    assert board.forms == again.leaderboards[0].forms
    records = [again.run.record(step.name) for step in again.run.plan.steps]
    assert all(isinstance(record, Succeeded) and record.cached for record in records)


def test_a_form_that_fails_is_reported_and_the_others_are_kept(
    pipeline: Pipeline, asked: list[str], tmp_path: Path, registry: Registry
) -> None:
    """As one that cannot be compared; a resumed run asks no other form again."""
    store = LocalStore(tmp_path / "runs")
    result = run(
        pipeline.with_model("echo", name="m", fine_tune=False, serve_as=["own", "loud", "broken"]), store, registry
    )

    record = result.run.record("generate.m.broken")
    assert isinstance(record, Failed)
    assert "\n" not in record.error
    (family,) = result.leaderboards[0].forms
    assert (["m.loud"], ("m.broken",)) == ([form.candidate for form in family.forms], family.without)
    assert "Whether m.broken differs from m.own is not known: one of them has no result." in family.headline
    assert result.decision().text.startswith("m.loud is equivalent to m.own within 0.05: +0.000 [")
    asked.clear()
    with suppress(StepFailedError):
        resume(result.run.id, store=store, registry=registry, progress=Progress())
    assert [] == asked


def test_without_its_reference_no_form_can_be_compared(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """And each is named."""
    result = run(pipeline.with_model("echo", name="m", serve_as=["broken", "own"]), LocalStore(tmp_path), registry)
    (family,) = result.leaderboards[0].forms
    assert ((), ("m.own",)) == (family.forms, family.without)


def test_seeds_prompts_and_other_models(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """Each prompt is a family; the checkpoints of a recipe are compared one by one, so the spread over seeds is no chance."""
    recipe = pipeline.with_prompt("plain").with_model("echo", name="other", voice="quiet", fine_tune=False)
    recipe = recipe.with_model(
        "echo", name="m", trainer={"voice": "unsteady"}, seeds=[1, 2, 3], serve_as=["own", "loud"]
    )

    result = run(recipe, LocalStore(tmp_path), registry)

    families = result.leaderboards[0].forms
    assert ["m.own.bare", "m.own.plain"] == [family.reference for family in families]
    (form,) = families[0].forms
    assert 300 == form.agreement.answers
    assert form.estimate is not None
    assert form.estimate.mean == pytest.approx(1 - form.agreement.identical / 300)
    assert "better" == form.outcome


@pytest.mark.parametrize(
    ("candidate", "outcome", "text"),
    [
        ("m.loud", Outcome.GO, "equivalent to m.own within 0.05: +0.000 ["),
        ("m.unsteady", Outcome.NO_GO, "not equivalent to m.own within 0.05: \N{MINUS SIGN}"),
        ("m.own", Outcome.NO_GO, "m.loud is equivalent to m.own within 0.05: +0.000 ["),
    ],
)
def test_a_gate_asks_for_equivalence(
    candidate: str, outcome: Outcome, text: str, pipeline: Pipeline, tmp_path: Path, registry: Registry
) -> None:
    """Of a form with the first one; of the first one with all others."""
    recipe = pipeline.with_model("echo", name="m", serve_as=["own", "loud", "unsteady"])
    result = run(recipe, LocalStore(tmp_path), registry)

    decision = decide(result.run, gate(), candidate=candidate)

    (check,) = decision.checks
    assert (outcome, "equivalent") == (check.outcome, check.subject)
    assert check.text.startswith(text)
    assert ("m.unsteady is not equivalent" in check.text) == (candidate == "m.own")


def test_a_gate_that_records_do_not_decide(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """Is inconclusive, however alike the answers are."""
    recipe = pipeline.with_model("echo", name="m", serve_as=["own", "loud"])
    decision = decide(run(recipe, LocalStore(tmp_path), registry).run, gate(0.001), candidate="m.loud")
    assert Outcome.INCONCLUSIVE is decision.outcome
    assert decision.checks[0].text.startswith("not decided whether it is equivalent to m.own within 0.001: +0.000 [")


def test_a_gate_on_what_has_no_other_form_is_refused(pipeline: Pipeline, tmp_path: Path, registry: Registry) -> None:
    """Before the run where nothing has forms; after it for another candidate."""
    with pytest.raises(SpecError, match="gate: equivalent needs a model with serve_as in the specification"):
        pipeline.with_model("echo").with_gate(equivalent={"margin": 0.05}).build(registry)
    recipe = pipeline.with_model("echo", name="m", serve_as=["own", "loud"])
    recipe = recipe.with_model("echo", name="other", voice="quiet", fine_tune=False)
    result = run(recipe.with_gate(equivalent={"margin": 0.05}), LocalStore(tmp_path), registry)
    with pytest.raises(
        SpecError, match=r"candidate 'other' is served in one form, .* name one of m.own and m.loud with"
    ):
        decide(result.run, gate(), candidate="other")


@pytest.mark.slow
def test_our_own_engine_the_export_and_a_command(
    tiny_model: Path, home: Path, tmp_path: Path, registry: Registry
) -> None:
    """Of weights that were really fine-tuned, once: the same engine gives the same answers, and the export's rounding is named."""
    rows = [{"instruction": f"Say {n}", "response": f"{n}"} for n in range(30)]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    serving = {"device": "cpu", "dtype": "float32"}
    command = f"{shlex.quote(sys.executable)} -m llmops_plugins.local.server.main --model {{model}} --name {{name}} --port {{port}}"
    recipe = Pipeline.builder("tiny").with_dataset("jsonl", path=str(tmp_path / "rows.jsonl"), test_fraction=0.5)
    recipe = recipe.with_prompt("chat").with_evaluator("qa-accuracy").with_generation(max_new_tokens=24)
    recipe = recipe.with_model(
        "huggingface",
        name="tuned",
        weights=str(tiny_model),
        trainer={"max_steps": 2, "learning_rate": 0.05, **serving},
        deployer=serving,
        serve_as=[
            "local",
            {"form": "merged", "deployer": serving},
            {"form": "served", "deployer": {"command": command}},
        ],
    )
    store = LocalStore(tmp_path / "runs")

    result = run(recipe, store, registry)

    (board,) = result.leaderboards
    merged, served = board.forms[0].forms
    answers = merged.agreement.answers
    assert 15 == answers == served.agreement.answers == served.agreement.identical
    assert answers - 3 <= merged.agreement.identical
    assert [("number format", "float32", "bfloat16, computed in float32")] == [
        (suspect.name, suspect.reference, suspect.candidate) for suspect in merged.suspects if suspect.state != "same"
    ]
    states = {suspect.name: suspect.state for suspect in served.suspects}
    assert ("same", "same", "unknown") == (states["weights"], states["tokens of the prompt"], states["EOS"])
    assert 1 == len(list(store.root.glob("artifacts/model/*")))
    assert 1 == len(list((home / "exports").iterdir()))
