"""A prompt as a function, for what a template cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmops_sdk import prompt

EXAMPLE = "Question: When is the fair?\nText: The fair is on 9 May 2025.\nDate (YYYY-MM-DD): 2025-05-09"


@prompt
def with_example(record: Mapping[str, Any]) -> str:
    """Show an example first; a text of several sentences comes as a list."""
    sentences = record["context"].split(". ")
    text = record["context"] if len(sentences) == 1 else "".join(f"\n- {sentence}" for sentence in sentences)
    return f"{EXAMPLE}\n\nQuestion: {record['instruction']}\nText: {text}\nDate (YYYY-MM-DD):"
