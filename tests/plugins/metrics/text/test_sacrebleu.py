"""BLEU and chrF are sacrebleu's."""

from __future__ import annotations

import pytest

from llmops_plugins.metrics.defined import words_problem
from llmops_plugins.metrics.text.evaluator import TextMetrics
from llmops_plugins.metrics.text.options import (
    BLEU_TOKENIZERS,
    SACREBLEU_METRICS,
    TextMetricsOptions,
)
from llmops_sdk.plugin import Answer, Context, Generation, Scored, TextPrompt

from .conftest import Make, Texts


def test_bleu_and_chrf_are_those_of_sacrebleu(step: Context, generations: Make, pairs: Texts, odd_pairs: Texts) -> None:
    """Equal to its sentence-level functions with their defaults."""
    import sacrebleu

    texts = [pair for pair in (*pairs[:40], *odd_pairs) if not words_problem(pair[1])]
    evaluator = TextMetrics(TextMetricsOptions(metrics=SACREBLEU_METRICS))
    scores = list(evaluator.evaluate(step, generations(texts)))

    assert [
        {
            "bleu": sacrebleu.sentence_bleu(output, [reference], use_effective_order=True).score,
            "chrf": sacrebleu.sentence_chrf(output, [reference]).score,
        }
        for output, reference in texts
    ] == [score.scores for score in scores if isinstance(score, Scored)]
    version = sacrebleu.__version__
    assert {
        "bleu": f"nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp|version:{version}",
        "chrf": f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}",
    } == evaluator.provenance(step)


@pytest.mark.parametrize("tokenizer", BLEU_TOKENIZERS)
def test_every_offered_tokenizer_works(step: Context, tokenizer: str) -> None:
    """Nothing else has to be installed or downloaded; the signature names the tokenizer."""
    evaluator = TextMetrics(TextMetricsOptions(metrics=("bleu",), bleu_tokenizer=tokenizer))
    record = {"response": "今天天气很好。我们去公园吧!"}
    (score,) = evaluator.evaluate(step, [Generation(0, record, TextPrompt("?", ""), Answer(record["response"]))])

    assert isinstance(score, Scored)
    assert pytest.approx(100) == score.scores["bleu"]
    assert f"tok:{tokenizer}" in evaluator.provenance(step)["bleu"]
