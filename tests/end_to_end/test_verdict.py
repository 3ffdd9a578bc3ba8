"""Verdicts of whole runs on scores that allow little or nothing: a plain sentence, never a made-up number."""

from __future__ import annotations

import csv
import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import Pipeline, Progress, Result, SpecError
from llmops_sdk.plugin import Context, Evaluator, EvaluatorCard, Options, hookimpl, option
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.results import Verdict
from llmops_sdk.values.scores import Metric, RecordScore, Scored, Unscored

Answers = Mapping[str, Sequence[str]]
"""A candidate's name to its answers, which are the scores; an empty one is a record that the file lacks."""


@attrs.frozen(kw_only=True)
class NumberOptions(Options):
    """What is known of the numbers."""

    bounded: bool = option(default=True, help="whether they lie between 0 and 1")
    direction: str = option(default="higher", help="which end is better: higher, lower or none")


class Number(Evaluator):
    """The number that an answer is."""

    options: NumberOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """One metric."""
        is_higher = {"higher": True, "lower": False}.get(self.options.direction)
        return (Metric("number", "number", is_higher, (0.0, 1.0) if self.options.bounded else None),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Read each number; a text that is none is the answer's failure."""
        for generation in generations:
            try:
                yield Scored(generation.index, {"number": float(generation.output)})
            except ValueError:
                yield Unscored(generation.index, "it is no number", is_failure=True)


@hookimpl
def llmops_cards() -> tuple[EvaluatorCard, ...]:
    """Return the card of the evaluator."""
    return (EvaluatorCard(name="number", summary="a number", load=f"{__name__}:Number", options=NumberOptions),)


Run = Callable[..., Result]


@pytest.fixture(name="run")
def _run(tmp_path: Path, home: Path, registry: Registry) -> Run:  # noqa: ARG001 - nothing is cached outside the test
    """Run a pipeline of recorded answers; further arguments are those of the dataset, of `number` and of the decision."""
    plugin = types.ModuleType("numbers")
    plugin.llmops_cards = llmops_cards  # type: ignore[attr-defined]
    registry.add("numbers", plugin)

    def run(
        answers: Answers,
        *,
        groups: Sequence[str | None] | None = None,
        evaluator: Mapping[str, Any] | None = None,
        decision: Mapping[str, Any] | None = None,
    ) -> Result:
        records = max(map(len, answers.values()))
        questions = tmp_path / "questions.jsonl"
        rows = [{"instruction": f"question {place}", "response": "1"} for place in range(records)]
        for row, group in zip(rows, groups or (), strict=False):
            if group is not None:
                row["document"] = group
        questions.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        options = {"group": "document"} if groups else {}
        pipeline = Pipeline.builder("numbers").with_dataset("jsonl", path=questions, test_fraction=1.0, **options)
        pipeline = pipeline.with_prompt("plain").with_evaluator("number", **(evaluator or {}))
        for name, values in answers.items():
            path = tmp_path / f"{name}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                table = csv.writer(file)
                table.writerow(("prompt", "answer"))
                table.writerows((f"question {place}", value) for place, value in enumerate(values) if value)
            pipeline = pipeline.with_model("recorded", name=name, path=path)
        if decision is not None:
            pipeline = pipeline.with_decision(**decision)
        return pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress())

    return run


def verdict_of(result: Result) -> Verdict:
    """The verdict on the only dataset; no words have a number that is none, and they are the same everywhere."""
    (board,) = result.leaderboards
    verdict = board.verdict
    words = f"{verdict.text} {' '.join(verdict.notes)} {result!r}".lower().replace(",", " ").replace(".", " ").split()
    assert set() == {"nan", "inf", "none", "[nan", "[inf"} & set(words)
    assert verdict == result.decision()
    assert verdict.text in repr(result)
    return verdict


def tenths(*values: int, records: int = 20) -> list[str]:
    """Answers that are these tenths, again and again."""
    return [f"{values[place % len(values)] / 10:g}" for place in range(records)]


def test_one_record_shows_nothing(run: Run) -> None:
    """However far apart the answers are; there is neither an interval nor a small p value."""
    result = run({"a": ["0.1"], "b": ["0.9"]})

    verdict = verdict_of(result)
    assert ((), ("a",)) == (verdict.worse, verdict.tied)
    assert "1 record is too few to decide: it takes at least 10." in verdict.text
    assert "with 1 win, 0 losses and 0 ties on 1 record." in verdict.text
    assert [(1.0, None, None)] == [(pair.p_value, pair.low, pair.high) for pair in result.leaderboards[0].pairs]


def test_equal_scores_have_no_winner(run: Run) -> None:
    """Both have the highest mean, and the interval of their difference is no single point."""
    verdict = verdict_of(run({"a": tenths(5), "b": tenths(5)}))

    assert verdict.headline == "a and b have the same highest mean number on questions."
    assert "0 wins, 0 losses and 20 ties on 20 records" in verdict.text
    assert not verdict.settled


def test_one_candidate_is_compared_with_none(run: Run) -> None:
    """Its mean is shown."""
    verdict = verdict_of(run({"a": tenths(5, 6)}))

    assert (
        "a has a mean number of 0.550 [0.526, 0.574] on questions; there is no other candidate to compare it with."
        in verdict.text
    )
    assert not verdict.settled


def test_a_number_that_is_none_is_no_score(run: Run) -> None:
    """Its record is left out for all candidates, which is stated; a candidate without any other is not compared."""
    some = verdict_of(run({"a": ["nan"] * 4 + tenths(1, 2, records=16), "b": tenths(5, 6)}))
    all_of_one = verdict_of(run({"a": ["nan"] * 20, "b": tenths(5, 6)}))

    assert "4 of 20 records are left out for all candidates: number has no value for an answer to them." in some.text
    assert ("a",) == some.worse
    assert some.detectable is None  # all differences are the same
    assert "b has a mean number of 0.550" in all_of_one.text
    assert "no other candidate has one to compare it with. 20 of 20 records of a have no number." in all_of_one.text


def test_answers_without_a_number_count_as_the_worst_score(run: Run) -> None:
    """Of a metric with bounds; one without decides nothing while there are some."""
    answers = {"a": ["many", "few", "some", "all", *tenths(5, 6, 7, records=16)], "b": tenths(6, 7, 8)}

    bounded, unbounded = (verdict_of(run(answers, evaluator={"bounded": bounded})) for bounded in (True, False))

    assert ("a",) == bounded.worse
    assert "4 of 20 records of a have no usable answer and count as the worst number." in bounded.text
    assert () == unbounded.worse
    assert (
        "Nothing is decided: 4 records without a usable answer would have to count as the worst number"
        in unbounded.text
    )


def test_records_that_a_file_lacks_are_no_failures(run: Run) -> None:
    """A log that lacks records loses nothing by it; one that lacks many wins only what the worst scores do not undo."""
    same, lower = tenths(5, 6, 7, records=40), tenths(4, 5, 6, records=40)

    equal, many = run({"a": [""] * 8 + same[8:], "b": same}), run({"a": [""] * 8 + same[8:], "b": lower})

    assert () == verdict_of(equal).worse
    verdict = verdict_of(many)
    (cell,) = (cell for cell in many.leaderboards[0].cells if cell.candidate == "a")
    assert (8, {}, 32) == (cell.missing, cell.failures, cell.estimates["number"].records)
    assert ("a", (), ("b",)) == (verdict.best, verdict.worse, verdict.tied)
    assert "8 of 40 records of a have no number." in verdict.text


def test_candidates_without_a_common_record_are_not_compared(run: Run) -> None:
    """Each has its mean; there is no test, and no difference."""
    result = run({"a": [*tenths(5, 6), *[""] * 20], "b": [*[""] * 20, *tenths(7, 8)]})

    verdict = verdict_of(result)
    assert "b has the highest mean number on questions; a cannot be told apart from it." == verdict.headline
    assert "b has no scored record in common with a." in verdict.text
    assert ((), ()) == (result.leaderboards[0].pairs, result.leaderboards[0].differences)
    assert (None, None) == (verdict.detectable, verdict.needed_records)


@pytest.mark.parametrize(
    ("evaluator", "decision", "message"),
    [
        ({"direction": "none"}, None, "no metric can rank the candidates: none sets higher_is_better"),
        ({}, {"baseline": "a", "margin": 0}, "a number above 0 such as 0.02, not 0"),
        ({}, {"baseline": "a", "margin": "2%"}, "a number above 0 such as 0.02, not '2%'"),
        ({}, {"baseline": "a", "margin": 2}, "number lies between 0 and 1; give the margin in the metric's unit"),
        ({}, {"baseline": "c", "margin": 0.1}, "the baseline 'c' is no candidate of this run; known: a, b"),
    ],
)
def test_what_cannot_be_decided_is_refused_before_the_run(
    run: Run, evaluator: Mapping[str, Any], decision: Mapping[str, Any] | None, message: str
) -> None:
    """In one line."""
    with pytest.raises(SpecError) as caught:
        run({"a": tenths(5), "b": tenths(6)}, evaluator=evaluator, decision=decision)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_few_records_pass_no_margin(run: Run) -> None:
    """Equal candidates are not shown to be equal."""
    verdict = verdict_of(
        run({"a": tenths(5, records=5), "b": tenths(5, records=5)}, decision={"baseline": "a", "margin": 0.1})
    )

    (result,) = verdict.margins
    assert not result.no_worse
    assert "there are too few records" in result.text


def test_groups_that_are_not_what_they_seem(run: Run) -> None:
    """Some records have none, or each has its own; both are stated."""
    answers = {"a": tenths(5, 6, 7), "b": tenths(6, 7, 8)}

    some = verdict_of(run(answers, groups=["x"] * 5 + [None] * 15))
    single = verdict_of(run(answers, groups=[f"document {place}" for place in range(20)]))

    assert "15 of 20 test records have no document; each of them counts as a group of its own." in some.text
    assert "Each test record has a document of its own, so records are compared one by one." in single.text


def test_records_of_two_groups_show_nothing(run: Run) -> None:
    """Forty records, and only two that do not depend on each other."""
    verdict = verdict_of(run({"a": tenths(1, records=40), "b": tenths(9, records=40)}, groups=["x"] * 20 + ["y"] * 20))

    assert () == verdict.worse
    assert "They differ on 2 groups of records only, and no claim is possible on fewer than 6." in verdict.text
    assert "The 40 test records are only 2 groups by document, and so few groups show little." in verdict.text
