"""Question answering accuracy, with the definitions and values of FMEval's QA Accuracy."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from llmops_plugins.metrics.bertscore.evaluator import BertscoreEvaluator
from llmops_plugins.metrics.defined import LEFT_OUT, restrict, words_problem
from llmops_plugins.metrics.pairs import Numbers, Outcome, Pair, Unscorable, batches, note_of, pair_of, references_in
from llmops_sdk.plugin import Context, Generation, Metric, RecordScore, Scored, Unscored

if TYPE_CHECKING:
    from llmops_plugins.metrics.tasks.options import QAAccuracyOptions

_BATCH = 64
_ARTICLES = frozenset({"a", "an", "the"})
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_LABELS = {
    "f1": "F1 over words",
    "exact_match": "Exact match",
    "quasi_exact_match": "Quasi-exact match",
    "precision_over_words": "Precision over words",
    "recall_over_words": "Recall over words",
    "bertscore": "BERTScore",
}


class QAAccuracy(BertscoreEvaluator):
    """Compares an answer with one or more accepted answers; each metric takes its best value over the accepted answers.

    BERTScore needs an encoder and takes most of the time; it is computed only where the option `metrics` names it.
    """

    options: QAAccuracyOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order."""
        return tuple(Metric(name, _LABELS[name], bounds=(0.0, 1.0)) for name in self.options.metrics)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score the generations in batches; a record without an accepted answer is unscored.

        Raises:
            AssetError: The encoder is not available here.
        """
        scorer = self.bertscore(context)
        for batch in batches(generations, _BATCH):
            pairs = [
                accepted_answers(generation, self.options.reference, self.options.delimiter) for generation in batch
            ]
            scorable = [pair for pair in pairs if isinstance(pair, Pair)]
            bertscores = iter(scorer.score(scorable) if scorer is not None and scorable else [{} for _ in scorable])
            for generation, pair in zip(batch, pairs, strict=True):
                outcome = pair if isinstance(pair, Unscorable) else self._best(pair, next(bertscores))
                if isinstance(outcome, Unscorable):
                    yield Unscored(generation.index, outcome.reason)
                else:
                    note = note_of(outcome)
                    yield Scored(generation.index, outcome, {LEFT_OUT: note} if note else {})

    def _best(self, pair: Pair, bertscore: Outcome) -> Outcome:
        """Return the best value of each metric over the accepted answers; `bertscore` already is the best one.

        Metrics over words are left out where no accepted answer has words besides articles and punctuation.
        """
        worded = restrict(pair, answer_problem)
        values: dict[str, float] = {}
        reasons: dict[str, None] = {}
        for name in self.options.metrics:
            compared = bertscore if name not in _SCORES else pair if name == "exact_match" else worded
            if isinstance(compared, Unscorable):
                reasons[compared.reason] = None
            elif isinstance(compared, Pair):
                values[name] = max(_SCORES[name](compared.output, answer) for answer in compared.references)
            else:
                values[name] = compared[name]
        if not values:
            return Unscorable("; ".join(reasons))
        note = "" if isinstance(bertscore, Unscorable) else note_of(bertscore)
        return Numbers(values, "; ".join(filter(None, (note, *reasons))))


def accepted_answers(generation: Generation, field: str, delimiter: str) -> Pair | Unscorable:
    """Return an output with the accepted answers of its record, or why there are none.

    A text is split at the delimiter, as in FMEval, unless the delimiter is empty. The texts of a list are never split.
    """
    pair = pair_of(generation, field)
    if isinstance(pair, Unscorable) or not delimiter or not isinstance(references_in(generation.record, field), str):
        return pair
    first, *others = pair.reference.split(delimiter)
    return Pair(pair.output, first, tuple(others))


def answer_problem(answer: str) -> str:
    """Return why metrics over words are not defined for an accepted answer, or an empty text.

    >>> answer_problem("The !")
    'the reference has no words besides articles and punctuation'
    """
    return "the reference has no words besides articles and punctuation" if words_problem(normalize(answer)) else ""


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
    """Return the share of the output's distinct words that the answer has too."""
    words, accepted = _words(output), _words(answer)
    return len(words & accepted) / len(words) if words else 0.0


def _recall(output: str, answer: str) -> float:
    """Return the share of the answer's distinct words that the output has too."""
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
