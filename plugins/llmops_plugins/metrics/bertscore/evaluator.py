"""What evaluators that can give BERTScore have in common; it is computed only where the options ask for it."""

from __future__ import annotations

from collections.abc import Mapping

from llmops_plugins.metrics.bertscore.options import MINILM, BertscoreOptions
from llmops_plugins.metrics.pairs import PairScorer
from llmops_sdk.plugin import Context, Evaluator


class BertscoreEvaluator(Evaluator):
    """An evaluator with BERTScore among its metrics; without it, no encoder is loaded."""

    options: BertscoreOptions

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the encoder's weights where the options do not pin them: for a folder or a hub id."""
        if not self.options.uses_bertscore or self.options.bertscore_model == MINILM:
            return ""
        from llmops_plugins.metrics.bertscore.weights import find_weights

        return find_weights(context, self.options.bertscore_model).sha256()

    def provenance(self, context: Context) -> Mapping[str, str]:
        """Return the encoder, its hash, its layer and what computes it; nothing without BERTScore."""
        if not self.options.uses_bertscore or self.options.layers is None:
            return {}
        from llmops_plugins.metrics.bertscore.score import bert_score
        from llmops_plugins.metrics.bertscore.weights import find_weights

        weights = find_weights(context, self.options.bertscore_model)
        return {
            "bertscore_model": weights.name,
            "bertscore_weights_sha256": weights.sha256(),
            "bertscore_layers": str(self.options.layers),
            "bertscore_engine": bert_score(weights, self.options.layers, context.home).engine,
        }

    def bertscore(self, context: Context) -> PairScorer | None:
        """Return the scorer, or None where the options do not ask for it.

        Raises:
            AssetError: The encoder is not available here.
            MissingExtraError: No engine that supports the encoder is installed.
        """
        if not self.options.uses_bertscore or self.options.layers is None:
            return None
        from llmops_plugins.metrics.bertscore.score import bert_score
        from llmops_plugins.metrics.bertscore.weights import find_weights

        return bert_score(find_weights(context, self.options.bertscore_model), self.options.layers, context.home)
