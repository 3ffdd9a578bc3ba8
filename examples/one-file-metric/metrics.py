"""Two metrics. A change of this file scores the answers again; no model is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmops_sdk import metric


@metric(label="Correct citations", higher_is_better=True, bounds=(0, 1))
def citations(output: str, record: Mapping[str, Any]) -> float | None:
    """Share of the citations, such as [2], that name a source of the record; 0 if there is none."""
    if not record["sources"]:
        return None  # nothing to cite: the record does not count, for any candidate
    cited = [int(number) for number in re.findall(r"\[(\d+)\]", output)]
    return sum(number in record["sources"] for number in cited) / len(cited) if cited else 0.0


@metric(label="Words beyond the limit", higher_is_better=False)
def words_beyond(output: str, *, limit: int = 50) -> int:
    """Words beyond a limit; the limit is an option of the specification."""
    return max(0, len(output.split()) - limit)
