"""Prompts of a plan: what their key depends on."""

from __future__ import annotations

import attrs

from llmops_sdk.values.planned_prompt import PlannedPrompt
from llmops_sdk.values.prompts import TextTemplate

PROMPT = PlannedPrompt("bare", "bare", TextTemplate("{context}"))


def test_the_key_is_that_of_the_template() -> None:
    """Its name in the pipeline makes no difference."""
    assert PROMPT.key == attrs.evolve(PROMPT, name="other").key
    assert PROMPT.key != attrs.evolve(PROMPT, template=TextTemplate("{instruction}")).key
