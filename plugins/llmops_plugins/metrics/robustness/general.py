"""General semantic robustness, with the definitions and values of FMEval: how different the answers are from each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice
from typing import TYPE_CHECKING

import attrs

from llmops_plugins.metrics.bertscore.evaluator import BertscoreEvaluator
from llmops_plugins.metrics.pairs import Outcome, Pair, Unscorable, batches
from llmops_plugins.metrics.robustness.evaluators import SemanticRobustness, mean
from llmops_plugins.metrics.robustness.wer import word_error_rate, words
from llmops_sdk.plugin import Context, Generation, Metric, Probe, Record, RecordScore, Scored, Unscored

if TYPE_CHECKING:
    from llmops_plugins.metrics.robustness.options import GeneralSemanticRobustnessOptions

_BATCH = 16
_BASELINE = "baseline-"
_BOUNDS = {"bertscore_dissimilarity": (0.0, 1.0)}
_LABELS = {"word_error_rate": "Word error rate", "bertscore_dissimilarity": "BERTScore dissimilarity"}


class GeneralSemanticRobustness(BertscoreEvaluator, SemanticRobustness):
    """Compares the outputs to the changed questions with the output to the question itself; no reference is needed.

    `word_error_rate` is the word errors of all outputs to changed questions, against the output and relative to its
    words; `bertscore_dissimilarity` is 1 minus their mean BERTScore. Where the same question has several answers
    (`num_baseline_samples`), the mean difference between them, over all pairs, is subtracted, down to 0. FMEval detects
    such a model by asking the first records twice; here the option states it.

    The BERTScore of such a pair is FMEval's: the second answer of the pair is compared with the first ones of all pairs,
    and the most similar one counts. With three or more answers that can be the answer itself: less is then subtracted
    than the answers differ.

    A record whose output has no words is unscored: there is nothing to compare with, and FMEval fails on it.
    """

    options: GeneralSemanticRobustnessOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order."""
        return tuple(
            Metric(name, _LABELS[name], higher_is_better=False, bounds=_BOUNDS.get(name))
            for name in self.options.metrics
        )

    def probes(self, context: Context, record: Record) -> Iterable[Probe]:
        """Return the changed records, then the unchanged one as often as the baseline needs it."""
        changed = list(super().probes(context, record))
        yield from changed
        if changed:
            for number in range(1, self.options.num_baseline_samples):
                yield Probe(f"{_BASELINE}{number}", record=record)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score the generations in batches.

        Raises:
            AssetError: The encoder is not available here.
        """
        scorer = self.bertscore(context)
        for batch in batches(generations, _BATCH):
            compared = [self._compared(generation) for generation in batch]
            pairs = [
                pair for item in compared if isinstance(item, _Compared) for pair in (*item.changed, *item.nearest)
            ]
            bertscores = iter(scorer.score(pairs) if scorer is not None and pairs else ())
            for generation, item in zip(batch, compared, strict=True):
                outcome = item if isinstance(item, Unscorable) else self._differences(item, bertscores)
                if isinstance(outcome, Unscorable):
                    yield Unscored(generation.index, outcome.reason)
                else:
                    yield Scored(generation.index, outcome)

    def _differences(self, compared: _Compared, bertscores: Iterator[Outcome]) -> Outcome:
        """Return the metrics of a record; its BERTScores are the next ones, where the options ask for them."""
        values: dict[str, float] = {}
        for name in self.options.metrics:
            if name == "word_error_rate":
                changed, again = _word_errors(compared.changed), _word_errors(compared.again)
            else:
                outcomes = list(islice(bertscores, len(compared.changed) + len(compared.nearest)))
                scores = [outcome["bertscore"] for outcome in outcomes if not isinstance(outcome, Unscorable)]
                if len(scores) < len(outcomes):
                    return next(outcome for outcome in outcomes if isinstance(outcome, Unscorable))
                changed = _dissimilarity(scores[: len(compared.changed)])
                again = _dissimilarity(scores[len(compared.changed) :])
            values[name] = max(0.0, changed - again) if compared.again else changed
        return values

    def _compared(self, generation: Generation) -> _Compared | Unscorable:
        output = generation.output
        changed = self.changed_outputs(generation)
        names = (f"{_BASELINE}{number}" for number in range(1, self.options.num_baseline_samples))
        again = self.outputs(generation, names)
        if isinstance(changed, Unscorable):
            return changed
        if isinstance(again, Unscorable):
            return again
        if not all(words(text) for text in (output, *again)):
            return Unscorable("the output has no words: there is nothing to compare the others with")
        changed_pairs = [Pair(text, output) for text in changed]
        if not again:
            return _Compared(changed_pairs)
        pairs = [Pair(first, second) for first, second in combinations((*again, output), 2)]
        first, *others = dict.fromkeys(pair.output for pair in pairs)
        return _Compared(changed_pairs, pairs, [Pair(pair.reference, first, tuple(others)) for pair in pairs])


@attrs.frozen
class _Compared:
    """The outputs to compare for one record.

    Attributes:
        changed: The outputs to its changed questions, each with the output to the question itself.
        again: All pairs of outputs to the unchanged question; none where it has one answer.
        nearest: The second output of each of these pairs, with the first ones of all pairs.
    """

    changed: Sequence[Pair]
    again: Sequence[Pair] = ()
    nearest: Sequence[Pair] = ()


def _word_errors(pairs: Sequence[Pair]) -> float:
    return word_error_rate([(pair.output, pair.reference) for pair in pairs]) if pairs else 0.0


def _dissimilarity(scores: Sequence[float]) -> float:
    return 1 - mean(scores) if scores else 0.0
