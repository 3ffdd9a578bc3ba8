"""`text-metrics`: metrics of any text without a model, against references and against the source it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Union

import attrs

from llmops_plugins.metrics.defined import LEFT_OUT, words_problem
from llmops_plugins.metrics.pairs import Unscorable, references_in
from llmops_plugins.metrics.text.copying import copied_share, extractive_coverage, extractive_density
from llmops_plugins.metrics.text.options import SACREBLEU_METRICS, SOURCE_METRICS
from llmops_plugins.metrics.text.tokens import plain_tokens, squad_tokens, token_f1, words
from llmops_sdk.plugin import Context, Evaluator, Generation, Metric, Record, RecordScore, Scored, Unscored

if TYPE_CHECKING:
    from llmops_plugins.metrics.text.options import TextMetricsOptions
    from llmops_plugins.metrics.text.sacrebleu import SacreBleu

_LABELS = {
    "bleu": "BLEU (0-100)",
    "chrf": "chrF (0-100)",
    "length_ratio": "Length ratio",
    "compression": "Compression",
    "extractive_coverage": "Extractive coverage",
    "extractive_density": "Extractive density (words)",
}

_BOUNDS = {"bleu": (0.0, 100.0), "chrf": (0.0, 100.0), "token_f1": (0.0, 1.0), "exact": (0.0, 1.0)}

# No end of these scales is the better one.
_NEUTRAL = frozenset({"length_ratio", *SOURCE_METRICS})


@attrs.frozen
class Texts:
    """What an output is compared with: some texts, none of them empty."""

    texts: tuple[str, ...]


Value = Union[float, Unscorable]


class TextMetrics(Evaluator):
    """Compares an output with its references, of which the best one counts, and with its source text.

    A metric whose field is empty in a record, or that is not defined for it, is left out there, with the reason in
    the notes; a record without any metric is unscored.
    """

    options: TextMetricsOptions

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the options, in their order."""
        return tuple(
            Metric(
                name, self._label(name), higher_is_better=None if name in _NEUTRAL else True, bounds=_BOUNDS.get(name)
            )
            for name in self.options.metrics
        )

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score every generation."""
        del context
        return map(self._score, generations)

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return sacrebleu's signatures."""
        return self._sacrebleu.signatures() if self._sacrebleu else {}

    @cached_property
    def _sacrebleu(self) -> SacreBleu | None:
        names = [name for name in self.options.metrics if name in SACREBLEU_METRICS]
        if not names:
            return None
        from llmops_plugins.metrics.text.sacrebleu import SacreBleu

        return SacreBleu(names, tokenizer=self.options.bleu_tokenizer)

    def _label(self, name: str) -> str:
        squad = " (SQuAD)" if self.options.normalize == "squad" else ""
        of_options = {
            "token_f1": f"Token F1{squad}",
            "exact": f"Exact match{squad}",
            "copied_ngrams": f"Copied {self.options.ngram}-grams",
        }
        return of_options.get(name) or _LABELS[name]

    def _score(self, generation: Generation) -> RecordScore:
        scores: dict[str, float] = {}
        reasons: dict[str, list[str]] = {}
        for name in self.options.metrics:
            value = self._value(name, generation)
            if isinstance(value, Unscorable):
                reasons.setdefault(value.reason, []).append(name)
            else:
                scores[name] = value
        if not scores:
            return Unscored(generation.index, "; ".join(reasons))
        left_out = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        return Scored(generation.index, scores, notes={LEFT_OUT: left_out} if left_out else {})

    def _value(self, name: str, generation: Generation) -> Value:
        of_source = name in SOURCE_METRICS
        field, kind = (self.options.source, "source") if of_source else (self.options.reference, "reference")
        texts = texts_of(generation.record, field, kind)
        if isinstance(texts, Unscorable):
            return texts
        compare = self._against_source if of_source else self._against_references
        return compare(name, generation.output, texts.texts)

    def _against_references(self, name: str, output: str, references: Sequence[str]) -> Value:
        if name == "bleu":
            references = [reference for reference in references if not words_problem(reference)]
            if not references:
                return Unscorable("the reference is punctuation only: it has no words")
        if name in SACREBLEU_METRICS and self._sacrebleu:
            return self._sacrebleu.score(name, output, references)
        if name == "length_ratio":
            lengths = [count for reference in references if (count := len(words(reference)))]
            if not lengths:
                return Unscorable("the reference has no words")
            length = len(words(output))
            return length / min(lengths, key=lambda other: (abs(other - length), other))
        tokens = squad_tokens if self.options.normalize == "squad" else plain_tokens
        compare = token_f1 if name == "token_f1" else _equal
        tokenized = [reference_tokens for reference in references if (reference_tokens := tokens(reference))]
        if not tokenized:
            return Unscorable("the reference has no words besides articles and punctuation")
        return max(compare(tokens(output), reference_tokens) for reference_tokens in tokenized)

    def _against_source(self, name: str, output: str, sources: Sequence[str]) -> Value:
        text, source = words(output), words("\n".join(sources))
        if not source:
            return Unscorable("the source has no words")
        if name == "compression":
            return len(text) / len(source)
        if name == "copied_ngrams":
            share = copied_share(text, source, self.options.ngram)
            few = "no words" if self.options.ngram == 1 else f"fewer than {self.options.ngram} words"
            return Unscorable(f"the output has {few}") if share is None else share
        measure = extractive_coverage if name == "extractive_coverage" else extractive_density
        value = measure(text, source)
        return Unscorable("the output has no words") if value is None else value


def texts_of(record: Record, field: str, kind: str) -> Texts | Unscorable:
    """Return the texts of a record's field, which holds one or a list of them; empty ones do not count.

    Args:
        record: The record.
        field: The field.
        kind: What messages call it: `reference` or `source`.
    """
    value = references_in(record, field)
    if value is None:
        return Unscorable(f"the record has no {kind} field {field!r}; it has: {', '.join(sorted(record))}")
    listed = value if isinstance(value, (list, tuple)) else [value]
    wrong = [item for item in listed if not isinstance(item, str)]
    if wrong:
        return Unscorable(f"the {kind} field {field!r} must be text, not {type(wrong[0]).__name__}")
    texts = tuple(text for text in listed if text.strip())
    return Texts(texts) if texts else Unscorable(f"the {kind} field {field!r} is empty")


def _equal(output: Sequence[str], reference: Sequence[str]) -> float:
    return float(tuple(output) == tuple(reference))
