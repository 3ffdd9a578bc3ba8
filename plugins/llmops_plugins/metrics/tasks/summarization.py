"""Summarization accuracy: ROUGE, METEOR and BERTScore of outputs, with the definitions and values of FMEval.

FMEval runs one record at a time through Ray and loads its models in every worker. Here the same numbers are computed in
this process, a batch at a time: memory does not grow with the number of records. The metrics of a batch are computed
side by side, and the work on references is done once for all candidates that are scored in one process.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING

from llmops_plugins.metrics.bertscore.evaluator import BertscoreEvaluator
from llmops_plugins.metrics.defined import LEFT_OUT, OnDefined, rouge_problem, rouge_remark, words_problem
from llmops_plugins.metrics.meteor.assets import PUNKT, WORDNET
from llmops_plugins.metrics.pairs import Numbers, Outcome, Pair, PairScorer, Unscorable, batches, note_of, pair_of
from llmops_plugins.metrics.tasks.options import ROUGE_METRICS
from llmops_plugins.metrics.tasks.rouge import Rouge, rouge_engine
from llmops_sdk.plugin import Context, Generation, Metric, RecordScore, Scored, Unscored, digest

if TYPE_CHECKING:
    from llmops_plugins.metrics.tasks.options import SummarizationAccuracyOptions

_BATCH = 64
_LABELS = {
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
    "meteor": "METEOR",
    "bertscore": "BERTScore",
}


class SummarizationAccuracy(BertscoreEvaluator):
    """Compares a model's summary with a reference."""

    options: SummarizationAccuracyOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order; all lie between 0 and 1 (BERTScore can lie just below 0)."""
        return tuple(Metric(name, _LABELS[name], bounds=(0.0, 1.0)) for name in self.options.metrics)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score the generations in batches.

        An empty output scores 0, as in FMEval. A metric that is not defined for the reference (ROUGE in another script) is
        left out, with the reason in the notes; a record without any metric is unscored.
        Where the reference field holds a list of texts, each metric takes its best value over them. A record without a
        reference text is unscored.

        Raises:
            AssetError: WordNet, the sentence model or the encoder is not available here.
            MissingExtraError: No engine that supports the encoder is installed.
        """
        scorers = self._scorers(context)
        with ThreadPoolExecutor(len(scorers)) as pool:
            for batch in batches(generations, _BATCH):
                pairs = [pair_of(generation, self.options.reference) for generation in batch]
                outcomes = self._score(pool, scorers, [pair for pair in pairs if isinstance(pair, Pair)])
                for generation, pair in zip(batch, pairs, strict=True):
                    outcome = pair if isinstance(pair, Unscorable) else next(outcomes)
                    if isinstance(outcome, Unscorable):
                        yield Unscored(generation.index, outcome.reason)
                    else:
                        note = note_of(outcome)
                        yield Scored(generation.index, outcome, {LEFT_OUT: note} if note else {})

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the libraries and files behind the numbers: versions, WordNet's origin, the encoder and its hash."""
        metadata: dict[str, str] = {}
        if self._rouge_types:
            engine = rouge_engine()
            metadata["rouge"] = (
                f"{engine} {version(engine)}, {'with' if self.options.use_stemmer else 'without'} stemmer"
            )
        if "meteor" in self.options.metrics:
            from llmops_plugins.metrics.meteor.score import NLTK

            metadata["meteor"] = f"the values of nltk {NLTK}"
            metadata |= {name: _asset_origin(context, name) for name in (WORDNET, PUNKT)}
        return {**metadata, **super().provenance(context)}

    @property
    def _rouge_types(self) -> tuple[str, ...]:
        return tuple(name for name in self.options.metrics if name in ROUGE_METRICS)

    def _scorers(self, context: Context) -> list[PairScorer]:
        """Return a scorer for each kind of metric asked for; nothing is imported for the others."""
        scorers: list[PairScorer] = []
        if self._rouge_types:
            rouge = Rouge(self._rouge_types, use_stemmer=self.options.use_stemmer, engine=rouge_engine())
            scorers.append(OnDefined(rouge, rouge_problem, rouge_remark))
        if "meteor" in self.options.metrics:
            from llmops_plugins.metrics.meteor.score import meteor

            scorers.append(OnDefined(meteor(context.asset(WORDNET), context.asset(PUNKT)), words_problem))
        bertscore = self.bertscore(context)
        return [*scorers, bertscore] if bertscore else scorers

    def _score(self, pool: Executor, scorers: Sequence[PairScorer], pairs: Sequence[Pair]) -> Iterator[Outcome]:
        """Run every scorer in a thread of its own: ONNX Runtime computes outside of Python's lock."""
        if not pairs:
            return
        for outcomes in zip(*pool.map(lambda scorer: scorer.score(pairs), scorers), strict=True):
            numbers = [outcome for outcome in outcomes if not isinstance(outcome, Unscorable)]
            reasons = "; ".join(
                dict.fromkeys(outcome.reason for outcome in outcomes if isinstance(outcome, Unscorable))
            )
            if not numbers:
                yield Unscorable(reasons)
                continue
            merged = {name: value for outcome in numbers for name, value in outcome.items()}
            notes = "; ".join(filter(None, (*map(note_of, numbers), reasons)))
            yield Numbers({name: merged[name] for name in self.options.metrics if name in merged}, notes)


def _asset_origin(context: Context, name: str) -> str:
    """Return the source of an asset and the hash of its files, from its manifest."""
    manifest = json.loads((context.asset(name) / "asset.json").read_text(encoding="utf-8"))
    hashes = {path: metadata["sha256"] for path, metadata in manifest["files"].items()}
    return f"{manifest['source']}, sha256 {digest(hashes)}"
