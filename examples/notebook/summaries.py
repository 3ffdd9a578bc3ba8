"""A candidate without a model: the first sentences of a text, the baseline that summaries of news are measured against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmops_sdk import target


@target
def first_sentences(record: Mapping[str, Any], *, sentences: int = 3) -> str:
    """Return the first sentences of what is to be summarized."""
    return " ".join(re.split(r"(?<=[.!?]) ", record["context"])[:sentences])
