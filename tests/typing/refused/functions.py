"""Mistakes in a file of functions; a type checker reports each line that is marked, and no other one."""

from __future__ import annotations

from llmops_sdk import metric, target


@metric(higher_is_beter=False)  # error: a misspelled argument
def first(output: str) -> float:
    """Words."""
    return len(output.split())


@metric(bounds=3)  # error: one number for two
def second(output: str) -> float:
    """Words."""
    return len(output.split())


@metric
def third(output: str, *, most: int = 3) -> float:
    """Words."""
    return len(output.split()) - most


third("a", mots=3)  # error: a misspelled option of the function
third(3)  # error: a number for a text
target(3)  # error: no function
