"""A function that is asked as a model is: it gets the prompt and returns the answer."""

from __future__ import annotations

import re
import time

from llmops_sdk import target

DATE = re.compile(r"\d{1,2} [A-Z][a-z]+ \d{4}")


@target
def rules(prompt: str) -> str:
    """Find a date as a small model might: the first one, in words, unless the prompt asks for something else."""
    dates = DATE.findall(prompt)
    chosen = dates[-1 if "new date" in prompt or "Date (" in prompt else 0]
    if "YYYY-MM-DD" not in prompt:
        return f"It is on {chosen}."
    return time.strftime("%Y-%m-%d", time.strptime(chosen, "%d %B %Y"))
