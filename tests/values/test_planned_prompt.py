"""Prompts of a plan: what their key depends on."""

from __future__ import annotations

import attrs

from llmops_sdk.values.planned_prompt import PlannedPrompt
from llmops_sdk.values.prompts import TextTemplate
from llmops_sdk.values.retrieval import Retrieval

PROMPT = PlannedPrompt("bare", "bare", TextTemplate("{context}"))


def test_the_key_is_that_of_the_template() -> None:
    """Its name in the pipeline makes no difference."""
    assert PROMPT.key == attrs.evolve(PROMPT, name="other").key
    assert PROMPT.key != attrs.evolve(PROMPT, template=TextTemplate("{instruction}")).key


def test_what_is_added_to_records_is_part_of_the_key() -> None:
    """Examples and passages alike; the key of a prompt without them is that of its template."""
    fixed = Retrieval(k=1, by="fixed")
    keys = [PROMPT, attrs.evolve(PROMPT, examples=fixed), attrs.evolve(PROMPT, retrieve=fixed)]

    assert 3 == len({prompt.key for prompt in keys})
    assert [False, True, True] == [prompt.retrieves for prompt in keys]
