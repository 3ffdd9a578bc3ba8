"""QA accuracy has the definitions of FMEval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest

from llmops_plugins.metrics.bertscore.score import bert_score
from llmops_plugins.metrics.bertscore.weights import find_weights
from llmops_plugins.metrics.pairs import Pair
from llmops_plugins.metrics.tasks.options import WORD_METRICS, QAAccuracyOptions
from llmops_plugins.metrics.tasks.qa import QAAccuracy, answer_problem
from llmops_sdk.plugin import Context, Generation, Metric, Scored, Unscored

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]


def nltk_scores(output: str, reference: str) -> dict[str, float]:
    """Return the values of the functions of `fmeval.eval_algorithms.qa_accuracy`, which use NLTK's set measures."""
    from string import punctuation

    from nltk.metrics.scores import f_measure, precision, recall

    def normalized(text: str) -> str:
        text = "".join(letter for letter in text.strip().lower() if letter not in punctuation)
        return " ".join(word for word in text.split(" ") if word not in ("", "a", "an", "the"))

    best = dict.fromkeys(WORD_METRICS, 0.0)
    for answer in reference.split("<OR>"):
        words = {"reference": set(normalized(answer).split()), "test": set(normalized(output).split())}
        values = {
            "f1": f_measure(**words) or 0.0,
            "exact_match": float(output.strip() == answer.strip()),
            "quasi_exact_match": float(normalized(output) == normalized(answer)),
            "precision_over_words": precision(**words) or 0.0,
            "recall_over_words": recall(**words) or 0.0,
        }
        best = {name: max(value, float(values[name])) for name, value in best.items()}
    return best


def test_values_are_those_of_fmevals_functions(
    context: Context, generations: Make, odd_pairs: Texts, pairs: Texts
) -> None:
    """For prose, odd texts and several accepted answers, to the last bit."""
    several = [(output, f"{reference}<OR>{output[:30]}") for output, reference in pairs]
    texts = [pair for pair in (*pairs, *several, *odd_pairs) if pair[1].strip()]
    scores = list(QAAccuracy(QAAccuracyOptions()).evaluate(context, generations(texts)))

    expected = []
    for output, reference in texts:
        values = nltk_scores(output, reference)
        has_words = any(not answer_problem(answer) for answer in reference.split("<OR>"))
        expected.append(values if has_words else {"exact_match": values["exact_match"]})
    assert expected == [score.scores for score in scores if isinstance(score, Scored)]


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [
        ("rome!", "Rome", [1, 0, 1, 1, 1]),
        ("The tarantino!", "Quentin Tarantino", [2 / 3, 0, 0, 1, 0.5]),
        ("2022", "1978<OR>1986<OR>2022", [1, 1, 1, 1, 1]),
        ("", "Rome", [0, 0, 0, 0, 0]),
    ],
)
def test_known_answers(context: Context, generations: Make, output: str, reference: str, expected: list[float]) -> None:
    """Case, punctuation and articles do not count; of the accepted answers the best one does."""
    (score,) = QAAccuracy(QAAccuracyOptions()).evaluate(context, generations([(output, reference)]))

    assert score == Scored(10, dict(zip(WORD_METRICS, expected, strict=True)))


@pytest.mark.parametrize("reference", ["An", "the", "...", "?! --", "\u3002"])
def test_metrics_over_words_are_not_defined_without_words(context: Context, generations: Make, reference: str) -> None:
    """An accepted answer of articles and punctuation only: exact match alone has a value."""
    (score,) = QAAccuracy(QAAccuracyOptions()).evaluate(context, generations([("the", reference)]))
    (unscored,) = QAAccuracy(QAAccuracyOptions(metrics=("f1",))).evaluate(context, generations([("the", reference)]))

    reason = "the reference has no words besides articles and punctuation"
    assert Scored(10, {"exact_match": float(reference == "the")}, {"left_out": reason}) == score
    assert Unscored(10, reason) == unscored


def test_options_choose_metrics_field_and_delimiter(context: Context, generations: Make) -> None:
    """Without a delimiter the reference is one answer."""
    options = QAAccuracyOptions(metrics=("recall_over_words",), delimiter="")
    evaluator = QAAccuracy(options)

    assert evaluator.metrics == (Metric("recall_over_words", "Recall over words", bounds=(0.0, 1.0)),)
    assert [Scored(10, {"recall_over_words": 1 / 3})] == list(
        evaluator.evaluate(context, generations([("yes", "yes <OR> no")]))
    )


def test_an_empty_reference_is_unscored(context: Context, generations: Make) -> None:
    """There is nothing to compare with."""
    scores = list(QAAccuracy(QAAccuracyOptions()).evaluate(context, generations([("yes", " ")])))

    assert scores == [Unscored(10, "the reference field 'response' is empty")]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (["Paris", "Lyon <OR> Nice"], 1.0),
        (["Lyon", "Marseille"], 0.0),
        ("Lyon<OR>Paris", 1.0),
        (7, "the reference field 'response' must be text, not int"),
        (["Paris", 7], "the reference field 'response' must be text, not int"),
        ([" "], "the reference field 'response' is empty"),
        ([], "the reference field 'response' is empty"),
        (None, "the record has no reference field 'response'; it has: instruction, response"),
    ],
)
def test_accepted_answers_may_be_a_list(
    context: Context, generations: Make, reference: Any, expected: float | str
) -> None:
    """The best text of a list counts, and none is split; a field without an answer is unscored, with the reason."""
    (generation,) = generations([("paris", "")])
    with_reference = attrs.evolve(generation, record={**generation.record, "response": reference})
    (score,) = QAAccuracy(QAAccuracyOptions(metrics=("f1",))).evaluate(context, [with_reference])

    assert score == (Unscored(10, expected) if isinstance(expected, str) else Scored(10, {"f1": expected}))


def test_bertscore_is_that_of_the_best_accepted_answer(context: Context, generations: Make, pairs: Texts) -> None:
    """It is given where the options name it, in their order, for more records than one batch has."""
    first, second = pairs[0], pairs[1]
    texts = [(first[0], f"{second[1]}<OR>{first[1]}")] * 70 + [(first[0], " "), (first[0], second[1])]
    options = QAAccuracyOptions(metrics=("bertscore", "f1"))
    scores = list(QAAccuracy(options).evaluate(context, generations(texts)))
    scorer = bert_score(find_weights(context, "minilm"), 6, context.home)
    near, far = (
        scorer.score([Pair(first[0], reference)])[0]["bertscore"]  # type: ignore[index]
        for reference in (first[1], second[1])
    )

    assert far < near
    assert ["bertscore", "f1"] == list(scores[0].scores)  # type: ignore[union-attr]
    assert [near] * 70 == pytest.approx(
        [score.scores["bertscore"] for score in scores[:70] if isinstance(score, Scored)]
    )
    assert Unscored(80, "the reference field 'response' is empty") == scores[70]
    assert isinstance(scores[71], Scored)
    assert far == pytest.approx(scores[71].scores["bertscore"])
    metadata = QAAccuracy(options).provenance(context)
    assert "6" == metadata["bertscore_layers"]
    assert {} == QAAccuracy(QAAccuracyOptions()).provenance(context)


def test_a_20000_word_output_is_scored(context: Context, generations: Make) -> None:
    """Each word counts once, however often it occurs."""
    (score,) = QAAccuracy(QAAccuracyOptions()).evaluate(context, generations([("word other " * 10_000, "word")]))

    assert isinstance(score, Scored)
    assert 0.5 == score.scores["precision_over_words"]
