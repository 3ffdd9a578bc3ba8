"""Probes: an evaluator's further questions about a record."""

from __future__ import annotations

import attrs

from llmops_sdk.values.answers import Outcome
from llmops_sdk.values.data import Record
from llmops_sdk.values.prompts import Prompt


@attrs.frozen
class Probe:
    """A further question of an evaluator about a record, asked inside `generate` and kept beside the generations.

    Attributes:
        name: Its name, unique among the probes of its record.
        record: A test record that was changed: it is rendered through the cell's prompt and asked.
        text: What is asked as it stands, where there is no `record`.
        log_probability: Whether to ask for the log-probability of the text instead of an answer.
        continuation: What follows the rendered prompt of `record`, such as an answer whose probability is asked. A chat has
            no text that it could follow: the probe is then asked without it, and refused where it asks for a probability.
    """

    name: str
    record: Record | None = None
    text: str = ""
    log_probability: bool = False
    continuation: str = ""


@attrs.frozen
class ProbeSample:
    """A probe as a sample shows it.

    Attributes:
        name: Its name.
        prompt: What was asked.
        outcome: What became of it.
    """

    name: str
    prompt: Prompt
    outcome: Outcome
