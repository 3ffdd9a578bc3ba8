"""BERTScore for evaluators that give it only where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llmops_plugins.metrics.assets import MINILM
from llmops_plugins.metrics.tasks.pairs import PairScorer
from llmops_sdk.plugin import Context

if TYPE_CHECKING:
    from llmops_plugins.metrics.bertscore.options import BertscoreOptions


def bertscore_scorer(context: Context, options: BertscoreOptions) -> PairScorer | None:
    """Return the scorer, or None where the options do not ask for it.

    Raises:
        AssetError: The encoder cannot be had here.
        MissingExtraError: What could serve the encoder is not installed.
    """
    if not options.uses_bertscore or options.layers is None:
        return None
    from llmops_plugins.metrics.bertscore.encoder import find_weights
    from llmops_plugins.metrics.bertscore.score import bert_score

    return bert_score(find_weights(context, options.bertscore_model), options.layers, context.home)


def encoder_fingerprint(context: Context, options: BertscoreOptions) -> str:
    """Return the hash of the encoder's weights where the options do not pin them: a folder or a hub id."""
    if not options.uses_bertscore or options.bertscore_model == MINILM:
        return ""
    from llmops_plugins.metrics.bertscore.encoder import find_weights

    return find_weights(context, options.bertscore_model).sha256()


def encoder_facts(context: Context, options: BertscoreOptions) -> Mapping[str, str]:
    """Return the encoder, its hash, its layer and what computes it; nothing where it is not asked for."""
    if not options.uses_bertscore or options.layers is None:
        return {}
    from llmops_plugins.metrics.bertscore.encoder import find_weights
    from llmops_plugins.metrics.bertscore.score import bert_score

    weights = find_weights(context, options.bertscore_model)
    return {
        "bertscore_model": weights.name,
        "bertscore_weights_sha256": weights.sha256(),
        "bertscore_layers": str(options.layers),
        "bertscore_engine": bert_score(weights, options.layers, context.home).engine,
    }
