"""Functions of one file that are checked as plugins are."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from llmops_sdk import dataset, metric, prompt, target


@metric(higher_is_better=False)
def brevity(output: str, *, words_at_most: int = 50) -> float:
    """Words beyond the limit."""
    return max(0, len(output.split()) - words_at_most)


@metric
def noise(output: str) -> float:
    """A number, whatever the output is."""
    print("scoring", output)  # noqa: T201 - the fault
    return random.random()


@dataset
def sums(*, count: int = 8) -> Iterator[dict[str, str]]:
    """Additions."""
    for number in range(count):
        yield {"instruction": f"Add {number} and 1.", "context": "", "response": str(number + 1)}


@prompt
def terse(record: Mapping[str, Any]) -> str:
    """The instruction and the context."""
    return f"{record['instruction']} {record['context']}"


@target
def shout(prompt: str) -> str:
    """The prompt in capitals."""
    return prompt.upper()
