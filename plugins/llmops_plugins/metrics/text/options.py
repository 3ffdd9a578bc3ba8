"""The options of `text-metrics`. Nothing heavy is imported here."""

from __future__ import annotations

from importlib.util import find_spec

import attrs
from attrs import validators

from llmops_plugins.metrics.validators import one_of, some_of
from llmops_sdk.plugin import Options, install_hint, option

SACREBLEU_METRICS = ("bleu", "chrf")
REFERENCE_METRICS = ("token_f1", "exact", *SACREBLEU_METRICS, "length_ratio")
SOURCE_METRICS = ("compression", "copied_ngrams", "extractive_coverage", "extractive_density")
TEXT_METRICS = (*REFERENCE_METRICS, *SOURCE_METRICS)

# The tokenizers of sacrebleu that need no further package.
BLEU_TOKENIZERS = ("13a", "intl", "zh", "char", "none")


@attrs.frozen(kw_only=True)
class TextMetricsOptions(Options):
    """Which metrics compare an output with its reference or with its source, and how."""

    metrics: tuple[str, ...] = option(
        ("token_f1", "exact", "length_ratio"),
        help=f"which of {', '.join(REFERENCE_METRICS)} (against the reference), {', '.join(SOURCE_METRICS)} (against "
        "the source); the first one decides",
        validator=some_of(TEXT_METRICS),
    )
    reference: str = option(
        "response",
        help="the record's field that holds the reference, or a list of them",
        validator=validators.min_len(1),
    )
    source: str = option(
        "context",
        help="the record's field that holds the text the output was made from",
        validator=validators.min_len(1),
    )
    normalize: str = option(
        "squad",
        help="how texts are read for token_f1 and exact: squad (lower case, without ASCII punctuation and a, an, the) or "
        "none (as they are; white space around and between words does not count)",
        validator=one_of(("squad", "none")),
    )
    ngram: int = option(3, help="the number of words in the n-grams of copied_ngrams", validator=validators.ge(1))
    bleu_tokenizer: str = option(
        "13a",
        help=f"sacrebleu's tokenizer for bleu: one of {', '.join(BLEU_TOKENIZERS)}; zh for Chinese, char for other "
        "languages without spaces",
        validator=one_of(BLEU_TOKENIZERS),
    )

    def __attrs_post_init__(self) -> None:
        """Refuse a metric whose library is not installed, before a run starts."""
        names = [name for name in self.metrics if name in SACREBLEU_METRICS]
        if names and find_spec("sacrebleu") is None:
            message = f"the metric {names[0]!r} needs sacrebleu: {install_hint('metrics')}"
            raise ValueError(message)
