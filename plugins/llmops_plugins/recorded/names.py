"""Names that the cards and modules of this plugin share."""

from __future__ import annotations

RECORDED = "recorded"
"""Format of a base model: the path of a file with answers."""

SCORES = "recorded-scores"
"""The evaluator that takes over the scores that came with recorded answers."""

EXTRA = "datasets"
"""The extra that reads Parquet."""
