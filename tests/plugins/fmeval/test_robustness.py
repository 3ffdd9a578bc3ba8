"""The answers that FMEval's semantic robustness is given, and generations that have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from llmops_plugins.fmeval import options, robustness
from llmops_plugins.fmeval.rows import Unscorable
from llmops_sdk.plugin import Answer, Answered, Context, Outcome, Unanswered
from llmops_sdk.plugin.registry import Registry

from .conftest import generation


def test_answers_come_in_the_order_of_fmevals_questions(bare: Context) -> None:
    """The question itself, then the changed ones."""
    evaluator_options = options.QAAccuracySemanticRobustnessOptions(num_perturbations=1)
    evaluator = robustness.QAAccuracySemanticRobustness(evaluator_options)
    record = {"instruction": "why?", "response": "so"}

    assert {
        "model_input": "why?",
        "target_output": "so",
        "answers": [["why?", "out"], ["WHY?", "loud"]],
    } == evaluator.row(bare, generation(record, {"0": Answered(0, Answer("loud"))}))


def test_probes_need_no_engine_of_bertscore(bare: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """If FMEval is in another interpreter, this one needs neither ONNX Runtime nor torch."""
    monkeypatch.setattr("llmops_plugins.metrics.bertscore.options.find_spec", lambda _name: None)
    context = attrs.evolve(bare, make=Registry.load().make)
    evaluator_options = options.GeneralSemanticRobustnessOptions(num_perturbations=2, num_baseline_samples=3)
    probes = robustness.GeneralSemanticRobustness(evaluator_options).probes(
        context, {"instruction": "why do birds sing?"}
    )

    assert 4 == len(list(probes))


@pytest.mark.parametrize(
    ("baseline", "second"), [(["out", "out"], "out"), (["out", "other"], "other"), (["x", "y"], "x")]
)
def test_the_second_answer_shows_whether_a_model_has_several(bare: Context, baseline: list[str], second: str) -> None:
    """FMEval asks the question itself twice: it gets the first different answer, where there is one."""
    evaluator_options = options.GeneralSemanticRobustnessOptions(num_perturbations=1, num_baseline_samples=3)
    evaluator = robustness.GeneralSemanticRobustness(evaluator_options)
    outcomes = {"0": "loud", "baseline-1": baseline[0], "baseline-2": baseline[1]}
    row = evaluator.row(
        bare, generation({"instruction": "why?"}, {name: Answered(0, Answer(text)) for name, text in outcomes.items()})
    )

    assert isinstance(row, dict)
    assert ["out", second, "loud", *baseline] == [answer for _, answer in row["answers"]]


@pytest.mark.parametrize(
    ("record", "outcomes", "reason"),
    [
        ({"response": "so"}, {}, "the record has no question field 'instruction'; it has: response"),
        ({"instruction": "why?"}, {}, "the record has no reference field 'response'; it has: instruction"),
        ({"instruction": "why?", "response": "so"}, {}, "probe '0' was not answered: it has no output"),
        (
            {"instruction": "why?", "response": "so"},
            {"0": Unanswered(0, "too long")},
            "probe '0' was not answered: too long",
        ),
    ],
)
def test_a_question_without_an_answer_has_no_row(
    bare: Context, record: Mapping[str, Any], outcomes: Mapping[str, Outcome], reason: str
) -> None:
    """With the reason."""
    evaluator = robustness.QAAccuracySemanticRobustness(options.QAAccuracySemanticRobustnessOptions())

    assert Unscorable(reason) == evaluator.row(bare, generation(record, outcomes))


def test_a_field_that_the_prompt_does_not_show_has_no_row(bare: Context) -> None:
    """Changing it would change nothing, which would look like robustness."""
    evaluator = robustness.GeneralSemanticRobustness(options.GeneralSemanticRobustnessOptions(field="context"))
    row = evaluator.row(bare, generation({"instruction": "why?", "context": "not shown"}))

    assert Unscorable("the prompt does not show the field 'context', so changing it changes nothing") == row
