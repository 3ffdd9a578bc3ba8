"""How candidates generate, and what they answered."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.values.data import Record
from llmops_sdk.values.prompts import Prompt


@attrs.frozen
class GenerationOptions:
    """How candidates write their answers; one for all candidates of a run.

    Attributes:
        max_new_tokens: The longest answer, in tokens of the model.
        temperature: 0 is greedy decoding.
        top_p: Nucleus sampling; 1 keeps all tokens.
        stop: Further stop strings, after those of the prompt template.
        seed: For sampling.
    """

    max_new_tokens: int = attrs.field(default=128, validator=attrs.validators.ge(1))
    temperature: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    top_p: float = attrs.field(default=1.0, validator=[attrs.validators.gt(0), attrs.validators.le(1)])
    stop: tuple[str, ...] = ()
    seed: int = 0


@attrs.frozen
class Reply:
    """What an endpoint answered to one request.

    Attributes:
        text: The generated text, without the prompt.
        prompt_tokens: As the endpoint counted them, or None.
        output_tokens: As the endpoint counted them, or None.
        finish_reason: `stop`, `length`, or empty where the endpoint does not say.
        model: The model as the endpoint calls it, or empty where it does not say.
        time_to_first_token: Seconds from the request to the first token, or None where the answer came whole.
    """

    text: str
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""
    model: str = ""
    time_to_first_token: float | None = None


@attrs.frozen
class Probe:
    """A further question of an evaluator about a record, asked inside `generate` and kept beside the generations.

    Attributes:
        name: Its name, unique among the probes of its record.
        record: What is rendered through the cell's prompt and asked; a test record that was changed.
        text: What is asked as it stands, where there is no `record`.
        log_probability: Whether the probability of the text itself is wanted, and no answer.
    """

    name: str
    record: Record | None = None
    text: str = ""
    log_probability: bool = False


@attrs.frozen
class ProbeReply:
    """What a probe got.

    Attributes:
        output: What the model wrote, or None.
        log_probability: Natural logarithm of the probability of the probe's text, or None.
        error: Why there is neither, or empty.
    """

    output: str | None = None
    log_probability: float | None = None
    error: str = ""


@attrs.frozen
class Generation:
    """One record, asked and answered.

    Attributes:
        index: The record's place in the test split.
        record: The record.
        prompt: What was asked.
        output: What the model wrote.
        latency: Seconds from the request to the reply, retries not counted.
        prompt_tokens: As the endpoint counted them, or None.
        output_tokens: As the endpoint counted them, or None.
        finish_reason: `stop`, `length` or empty.
        probes: What the evaluator's own probes of this record got, by their names.
        time_to_first_token: Seconds from the request to the first token, or None where the answer came whole.
    """

    index: int
    record: Record
    prompt: Prompt
    output: str
    latency: float = 0.0
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""
    probes: Mapping[str, ProbeReply] = attrs.field(factory=dict)
    time_to_first_token: float | None = None
