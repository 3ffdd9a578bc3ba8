"""QA accuracy has the definitions of FMEval."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from llmops_plugins.metrics.qa import QAAccuracy
from llmops_plugins.metrics.task_options import QA_METRICS, QAAccuracyOptions
from llmops_sdk import Context, Generation, Metric, Scored, Unscored

Texts = Sequence[tuple[str, str]]
Make = Callable[[Texts], list[Generation]]


def nltk_scores(output: str, reference: str) -> dict[str, float]:
    """FMEval's functions, written as in `fmeval.eval_algorithms.qa_accuracy`, over NLTK's set measures."""
    from string import punctuation

    from nltk.metrics.scores import f_measure, precision, recall

    def normalized(text: str) -> str:
        text = "".join(letter for letter in text.strip().lower() if letter not in punctuation)
        return " ".join(word for word in text.split(" ") if word not in ("", "a", "an", "the"))

    best = dict.fromkeys(QA_METRICS, 0.0)
    for answer in reference.split("<OR>"):
        words = {"reference": set(normalized(answer).split()), "test": set(normalized(output).split())}
        found = {
            "f1": f_measure(**words) or 0.0,
            "exact_match": float(output.strip() == answer.strip()),
            "quasi_exact_match": float(normalized(output) == normalized(answer)),
            "precision_over_words": precision(**words) or 0.0,
            "recall_over_words": recall(**words) or 0.0,
        }
        best = {name: max(value, float(found[name])) for name, value in best.items()}
    return best


def test_values_are_those_of_fmevals_functions(
    context: Context, generations: Make, odd_pairs: Texts, pairs: Texts
) -> None:
    """Over prose, odd texts and several accepted answers, to the last bit."""
    several = [(output, f"{reference}<OR>{output[:30]}") for output, reference in pairs]
    texts = [pair for pair in (*pairs, *several, *odd_pairs) if pair[1].strip()]
    found = list(QAAccuracy(QAAccuracyOptions()).evaluate(context, generations(texts)))

    assert [nltk_scores(*pair) for pair in texts] == [score.scores for score in found if isinstance(score, Scored)]


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [
        ("rome!", "Rome", [1, 0, 1, 1, 1]),
        ("The tarantino!", "Quentin Tarantino", [2 / 3, 0, 0, 1, 0.5]),
        ("2022", "1978<OR>1986<OR>2022", [1, 1, 1, 1, 1]),
        ("", "Rome", [0, 0, 0, 0, 0]),
        ("the", "An", [0, 0, 1, 0, 0]),
    ],
)
def test_known_answers(context: Context, generations: Make, output: str, reference: str, expected: list[float]) -> None:
    """Case, punctuation and articles do not count; of the accepted answers the best one does."""
    (found,) = QAAccuracy(QAAccuracyOptions()).evaluate(context, generations([(output, reference)]))

    assert found == Scored(10, dict(zip(QA_METRICS, expected, strict=True)))


def test_options_choose_metrics_field_and_delimiter(context: Context, generations: Make) -> None:
    """Without a delimiter the reference is one answer."""
    options = QAAccuracyOptions(metrics=("recall_over_words",), delimiter="")
    evaluator = QAAccuracy(options)

    assert evaluator.metrics == (Metric("recall_over_words", "Recall over words"),)
    assert [Scored(10, {"recall_over_words": 1 / 3})] == list(
        evaluator.evaluate(context, generations([("yes", "yes <OR> no")]))
    )


def test_an_empty_reference_is_unscored(context: Context, generations: Make) -> None:
    """There is nothing to compare with."""
    found = list(QAAccuracy(QAAccuracyOptions()).evaluate(context, generations([("yes", " ")])))

    assert found == [Unscored(10, "the reference field 'response' is empty")]
