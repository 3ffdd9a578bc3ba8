"""Sentence BLEU and chrF, as sacrebleu computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF


class SacreBleu:
    """Sacrebleu's metrics of single outputs, from 0 to 100.

    BLEU uses the effective order: n-grams longer than the output do not count, without which short outputs score 0.

    Args:
        names: Of `bleu` and `chrf`.
        tokenizer: BLEU's tokenizer, by sacrebleu's name.
    """

    def __init__(self, names: Sequence[str], *, tokenizer: str) -> None:
        metrics = {"bleu": BLEU(tokenize=tokenizer, effective_order=True), "chrf": CHRF()}
        self._metrics: dict[str, Any] = {name: metrics[name] for name in names}
        self._references: set[int] = set()

    def score(self, name: str, output: str, references: Sequence[str]) -> float:
        """Return one metric of one output: BLEU uses all references together, chrF the best one."""
        self._references.add(len(references))
        return float(self._metrics[name].sentence_score(output, list(references)).score)

    def signatures(self) -> dict[str, str]:
        """Return sacrebleu's signature of each metric, with the number of references per output."""
        for metric in self._metrics.values():
            metric.num_refs = min(self._references) if len(self._references) == 1 else -1
        return {name: str(metric.get_signature()) for name, metric in self._metrics.items()}
