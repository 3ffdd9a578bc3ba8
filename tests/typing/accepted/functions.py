"""A file of functions: decorators bare and with arguments leave the functions' own types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmops_sdk import Pipeline, dataset, metric, prompt, target


@metric
def shouts(output: str) -> bool:
    """Whether the output is in capitals."""
    return output.isupper()


@metric(name="brevity", label="Brevity", higher_is_better=False, bounds=(0, 100))
def words_beyond(output: str, *, words_at_most: int = 50) -> float:
    """Words beyond the limit."""
    return max(0, len(output.split()) - words_at_most)


@dataset
def tickets(*, path: Path, limit: int = 100) -> Iterator[dict[str, str]]:
    """Lines as records."""
    for line in path.read_text(encoding="utf-8").splitlines()[:limit]:
        yield {"instruction": line, "response": ""}


@prompt(stop=["\n"])
def terse(record: dict[str, str]) -> str:
    """The instruction and a wish."""
    return f"{record['instruction']} Be brief."


@target
async def echo(prompt: str) -> str:
    """Repeat the prompt."""
    return prompt


def specify() -> Pipeline:
    """Use them by name and as they are; each can still be called."""
    beyond: float = words_beyond("one two three", words_at_most=2)
    print(beyond, shouts("A"))
    return (
        Pipeline.builder("functions")
        .with_dataset(tickets, path="tickets.txt", limit=3)
        .with_prompt(terse)
        .with_model(echo, name="echo")
        .with_evaluator(words_beyond, words_at_most=5)
        .with_evaluator("./metrics.py:brevity")
    )
