"""The evaluators of the kit."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.plugin import Answer, Answered, Generation, Outcome, Scored, TextPrompt, Unanswered, Unscored
from llmops_sdk.testing import EchoProbes, EchoProbesOptions, EchoScore, make_context

RECORD = {"context": "line 1", "response": "LINE 1"}


def generation(index: int, output: str, **probes: Outcome) -> Generation:
    return Generation(index, RECORD, TextPrompt("line 1", ""), Answer(output), probes=probes)


def answered(output: str, log_probability: float | None = None) -> Answered:
    return Answered(0, Answer(output, log_probability=log_probability))


def test_the_exact_match_and_a_number_of_the_output_are_scored(tmp_path: Path) -> None:
    """The number depends on the output alone, and is between 0 and 1."""
    context = make_context(tmp_path)

    scores = list(EchoScore(None).evaluate(context, [generation(0, "LINE 1"), generation(1, "x"), generation(2, "x")]))

    values = [score.scores for score in scores if isinstance(score, Scored)]
    assert [1.0, 0.0, 0.0] == [value["exact"] for value in values]
    assert values[1]["noise"] == values[2]["noise"] != values[0]["noise"]
    assert all(0 <= value["noise"] < 1 for value in values)


def test_probes_put_each_word_before_the_context(tmp_path: Path) -> None:
    """With `likelihood`, the probability of the reference is asked too."""
    evaluator = EchoProbes(EchoProbesOptions(words=("again", "well"), likelihood=True))

    probes = list(evaluator.probes(make_context(tmp_path), RECORD))

    assert ["again", "well", "likelihood"] == [probe.name for probe in probes]
    assert {"context": "again line 1", "response": "LINE 1"} == probes[0].record
    assert ("LINE 1", True) == (probes[2].text, probes[2].log_probability)
    assert ["steady", "likelihood"] == [metric.name for metric in evaluator.metrics]


def test_answers_that_end_with_the_reference_are_steady(tmp_path: Path) -> None:
    """A probe that was not answered leaves the record unscored, with its error."""
    evaluator = EchoProbes(EchoProbesOptions(words=("a", "b"), likelihood=True, weight=2.0))
    kept = generation(0, "", a=answered("A LINE 1"), b=answered("other"), likelihood=answered("", -1.5))
    lost = generation(1, "", a=answered("A LINE 1"), b=Unanswered(0, "too long"))

    scores = list(evaluator.evaluate(make_context(tmp_path), [kept, lost]))

    assert [
        Scored(0, {"steady": 1.0, "likelihood": -1.5}, notes={"kept": "1 of 2"}),
        Unscored(1, "too long"),
    ] == scores
