"""Question answering accuracy, with the definitions and values of FMEval's QA Accuracy."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from llmops_plugins.metrics.pairs import Unscorable, pair_of
from llmops_sdk import Context, Evaluator, Generation, Metric, RecordScore, Scored, Unscored

if TYPE_CHECKING:
    from llmops_plugins.metrics.task_options import QAAccuracyOptions

_ARTICLES = frozenset({"a", "an", "the"})
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_LABELS = {
    "f1": "F1 over words",
    "exact_match": "Exact match",
    "quasi_exact_match": "Quasi-exact match",
    "precision_over_words": "Precision over words",
    "recall_over_words": "Recall over words",
}


class QAAccuracy(Evaluator):
    """Compares an answer with one or more accepted answers; each metric takes the accepted answer that suits it best."""

    options: QAAccuracyOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order."""
        return tuple(Metric(name, _LABELS[name]) for name in self.options.metrics)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score every generation; a record without a reference is unscored."""
        del context
        for generation in generations:
            pair = pair_of(generation, self.options.reference)
            if isinstance(pair, Unscorable):
                yield Unscored(generation.index, pair.reason)
            else:
                yield Scored(generation.index, self._scores(pair.output, pair.reference))

    def _scores(self, output: str, reference: str) -> Mapping[str, float]:
        delimiter = self.options.delimiter
        accepted = reference.split(delimiter) if delimiter else [reference]
        return {name: max(_SCORES[name](output, answer) for answer in accepted) for name in self.options.metrics}


def normalize(text: str) -> str:
    """Return a text in lower case without ASCII punctuation, articles and repeated spaces (as SQuAD and QuAC do).

    >>> normalize("The  U.K., a kingdom!")
    'uk kingdom'
    """
    bare = text.strip().lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(word for word in bare.split(" ") if word and word not in _ARTICLES)


def _words(text: str) -> set[str]:
    return set(normalize(text).split())


def _precision(output: str, answer: str) -> float:
    """Return the part of the output's distinct words that the answer has."""
    found, wanted = _words(output), _words(answer)
    return len(found & wanted) / len(found) if found else 0.0


def _recall(output: str, answer: str) -> float:
    """Return the part of the answer's distinct words that the output has."""
    return _precision(answer, output)


def _f1(output: str, answer: str) -> float:
    """Return the harmonic mean of precision and recall."""
    precision, recall = _precision(output, answer), _recall(output, answer)
    return 1.0 / (0.5 / precision + 0.5 / recall) if precision and recall else 0.0


def _exact_match(output: str, answer: str) -> float:
    return float(output.strip() == answer.strip())


def _quasi_exact_match(output: str, answer: str) -> float:
    return float(normalize(output) == normalize(answer))


_SCORES: dict[str, Callable[[str, str], float]] = {
    "f1": _f1,
    "exact_match": _exact_match,
    "quasi_exact_match": _quasi_exact_match,
    "precision_over_words": _precision,
    "recall_over_words": _recall,
}
