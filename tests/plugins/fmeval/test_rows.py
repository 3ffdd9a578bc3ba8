"""What FMEval is given of a generation, and why it is not asked about some."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_plugins.fmeval import algorithms, interpreter, options, robustness
from llmops_plugins.fmeval.rows import Unscorable, answers_of, checked, prompt_text
from llmops_plugins.metrics.tasks.qa import accepted_answers
from llmops_sdk.plugin import Answer, Answered, ChatPrompt, Context, Generation, Outcome, Probe, TextPrompt, Unanswered
from llmops_sdk.plugin.registry import Registry


@pytest.fixture(autouse=True)
def _fmeval(monkeypatch: pytest.MonkeyPatch) -> None:
    """FMEval is not run here, and need not be installed."""
    monkeypatch.setattr("llmops_plugins.fmeval.options.problem_with", lambda _python: "")
    interpreter.problem_with.cache_clear()


class Twin:
    """Stands in for the evaluator that has the probes: the field in capitals, then once again as it is."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def probes(self, _context: Context, record: Mapping[str, Any]) -> list[Probe]:
        changed = {**record, self._given["field"]: record[self._given["field"]].upper()}
        again = self._given["num_baseline_samples"]
        return [Probe("0", record=changed), *(Probe(f"baseline-{number}", record=record) for number in range(1, again))]


@pytest.fixture
def bare(tmp_path: Path) -> Context:
    """A context without assets; the only other evaluator is the twin."""

    def make(_kind: str, name: str, given: Mapping[str, Any]) -> Any:
        assert "general-semantic-robustness" == name
        return Twin(given)

    def asset(name: str) -> Path:
        pytest.fail(f"nobody needs {name} here")

    return Context(folder=tmp_path, home=tmp_path, make=make, asset=asset)


def asked(record: Mapping[str, Any], replies: Mapping[str, Outcome] | None = None) -> Generation:
    return Generation(3, record, TextPrompt(f"Q: {record.get('instruction')}", ""), Answer("out"), probes=replies or {})


def test_accepted_answers_are_one_text() -> None:
    """A list is joined with the delimiter, without empty texts; anything else in it is told, as without FMEval."""
    assert "a<OR>b" == answers_of(asked({"response": ["a", "", " ", "b"]}), "response", "<OR>")
    assert "a<OR>b" == answers_of(asked({"response": "a<OR>b"}), "response", "<OR>")
    for held, why in (
        ([" ", ""], "is empty"),
        ([], "is empty"),
        (["Paris", 7], "holds no text but int"),
        ([None, "Paris"], "holds no text but NoneType"),
        (1, "holds no text but int"),
    ):
        generation = asked({"response": held})
        expected = Unscorable(f"the reference field 'response' {why}")
        assert expected == answers_of(generation, "response", "<OR>")
        assert getattr(accepted_answers(generation, "response", "<OR>"), "reason", "") == expected.reason


def test_half_a_surrogate_pair_is_held_back() -> None:
    """FMEval's data format is UTF-8, and one such record would end its whole run."""
    whole = {"model_output": "😀", "sent_more_log_prob": -1.0}

    assert whole == checked(whole)
    assert Unscorable("FMEval cannot read half of a surrogate pair, which is in the target_output") == checked(
        {**whole, "target_output": "\ude00"}
    )


def test_a_chat_is_one_text() -> None:
    """FMEval's model input; no score of it depends on it."""
    messages = ({"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"})

    assert "Be short.\nWhy?" == prompt_text(Generation(0, {}, ChatPrompt(messages, ""), Answer("")))


@pytest.mark.parametrize(
    ("record", "replies", "reason"),
    [
        ({"sent_more": "a"}, {}, "the record has no sentence field 'sent_less'; it has: sent_more"),
        ({"sent_more": "a", "sent_less": " "}, {}, "the sentence field 'sent_less' is empty"),
        ({"sent_more": "a", "sent_less": "b"}, {}, "the sentence in 'sent_more' has no probability"),
        (
            {"sent_more": "a", "sent_less": "b"},
            {"more": Answered(0, Answer(log_probability=-1.0)), "less": Unanswered(0, "it does not tell")},
            "the sentence in 'sent_less' has no probability: it does not tell",
        ),
        (
            {"sent_more": "a", "sent_less": "b"},
            {"more": Answered(0, Answer(log_probability=0.5)), "less": Answered(0, Answer(log_probability=-1.0))},
            "the sentence in 'sent_more' has 0.5, which is not the logarithm of a probability",
        ),
    ],
)
def test_sentences_without_a_probability_are_held_back(
    bare: Context, record: Mapping[str, Any], replies: Mapping[str, Outcome], reason: str
) -> None:
    """With the reason, which is the endpoint's own where it gave one."""
    evaluator = algorithms.PromptStereotyping(options.PromptStereotypingOptions())
    row = evaluator.row(bare, asked(record, replies))

    assert isinstance(row, Unscorable)
    assert row.reason.startswith(reason)


def test_sentences_are_probed_as_they_stand(bare: Context) -> None:
    """In fields of any name; a sentence that is not there is not asked about."""
    evaluator = algorithms.PromptStereotyping(options.PromptStereotypingOptions(sent_more="bad"))

    assert [
        Probe("more", text="a", log_probability=True),
        Probe("less", text="b", log_probability=True),
    ] == list(evaluator.probes(bare, {"bad": "a", "sent_less": "b"}))
    assert [] == list(evaluator.probes(bare, {"sent_more": "a"}))
    replies = {"more": Answered(0, Answer(log_probability=-3)), "less": Answered(0, Answer(log_probability=-4.5))}
    assert {"sent_more_log_prob": -3.0, "sent_less_log_prob": -4.5} == evaluator.row(
        bare, asked({"bad": "a", "sent_less": "b"}, replies)
    )


def test_answers_come_in_the_order_of_fmevals_questions(bare: Context) -> None:
    """The question itself, then the changed ones."""
    made = options.QAAccuracySemanticRobustnessOptions(num_perturbations=1)
    evaluator = robustness.QAAccuracySemanticRobustness(made)
    record = {"instruction": "why?", "response": "so"}

    assert {
        "model_input": "why?",
        "target_output": "so",
        "answers": [["why?", "out"], ["WHY?", "loud"]],
    } == evaluator.row(bare, asked(record, {"0": Answered(0, Answer("loud"))}))


def test_questions_are_changed_where_nothing_computes_bertscore(bare: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """FMEval may be in another interpreter; this one then needs neither ONNX Runtime nor torch."""
    monkeypatch.setattr("llmops_plugins.metrics.bertscore.options.find_spec", lambda _name: None)
    context = attrs.evolve(bare, make=Registry.load().make)
    made = options.GeneralSemanticRobustnessOptions(num_perturbations=2, num_baseline_samples=3)
    probes = robustness.GeneralSemanticRobustness(made).probes(context, {"instruction": "why do birds sing?"})

    assert 4 == len(list(probes))


@pytest.mark.parametrize(("again", "second"), [(["out", "out"], "out"), (["out", "other"], "other"), (["x", "y"], "x")])
def test_a_model_with_several_answers_is_shown_as_one(bare: Context, again: list[str], second: str) -> None:
    """FMEval asks the question itself twice to find out: it gets the first other answer, where there is one."""
    made = options.GeneralSemanticRobustnessOptions(num_perturbations=1, num_baseline_samples=3)
    evaluator = robustness.GeneralSemanticRobustness(made)
    replies = {"0": "loud", "baseline-1": again[0], "baseline-2": again[1]}
    row = evaluator.row(
        bare, asked({"instruction": "why?"}, {name: Answered(0, Answer(text)) for name, text in replies.items()})
    )

    assert isinstance(row, dict)
    assert ["out", second, "loud", *again] == [answer for _, answer in row["answers"]]


@pytest.mark.parametrize(
    ("record", "replies", "reason"),
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
def test_questions_without_an_answer_are_held_back(
    bare: Context, record: Mapping[str, Any], replies: Mapping[str, Outcome], reason: str
) -> None:
    """With the reason."""
    evaluator = robustness.QAAccuracySemanticRobustness(options.QAAccuracySemanticRobustnessOptions())

    assert Unscorable(reason) == evaluator.row(bare, asked(record, replies))


def test_a_field_that_the_prompt_does_not_show_is_told(bare: Context) -> None:
    """Changing it changes nothing, which would look like robustness."""
    evaluator = robustness.GeneralSemanticRobustness(options.GeneralSemanticRobustnessOptions(field="context"))
    row = evaluator.row(bare, asked({"instruction": "why?", "context": "elsewhere"}))

    assert Unscorable("the prompt does not show the field 'context', so changing it changes nothing") == row


def test_nothing_to_score_starts_nothing(bare: Context) -> None:
    """No generations, or none that FMEval could be asked about: FMEval is not started."""
    evaluator = algorithms.FactualKnowledge(options.FactualKnowledgeOptions())

    assert list(evaluator.evaluate(bare, [])) == []
    (found,) = evaluator.evaluate(bare, [asked({})])
    assert "the record has no reference field 'response'; it has: " == getattr(found, "error", "")
