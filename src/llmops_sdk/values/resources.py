"""What a step creates outside this process: resources that can be billed, and endpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import attrs

CHAT_TEMPLATE, BOS, EOS, CONTEXT_LENGTH, NUMBER_FORMAT = (
    "chat template",
    "BOS",
    "EOS",
    "context length",
    "number format",
)
"""Details of an endpoint that often make the same weights answer differently."""

_SHOWN_DIGITS = 12


def serving_details(
    *,
    chat_template: str | None = None,
    bos: str | None = None,
    eos: str | None = None,
    context_length: int | None = None,
    number_format: str = "",
) -> dict[str, str]:
    """Return what often makes the same weights answer differently, for `Endpoint.metadata`; what is not known is left out.

    >>> serving_details(bos="", eos="<|im_end|>", context_length=8192)
    {'BOS': 'none', 'EOS': '<|im_end|>', 'context length': '8192'}

    Args:
        chat_template: The source of the chat template, of which the hash is recorded; empty where there is none.
        bos: The token at the start of a text; empty where there is none.
        eos: The token at the end of an answer; empty where there is none.
        context_length: The most tokens of a prompt with its answer.
        number_format: That of the weights, and how they are computed with where that differs, such as `bfloat16` or `Q8_0`.
    """
    template = None if chat_template is None else chat_template.strip()
    known = {
        CHAT_TEMPLATE: hashlib.sha256(template.encode()).hexdigest()[:_SHOWN_DIGITS] if template else template,
        BOS: bos,
        EOS: eos,
        CONTEXT_LENGTH: None if context_length is None else str(context_length),
        NUMBER_FORMAT: number_format or None,
    }
    return {name: value or "none" for name, value in known.items() if value is not None}


@attrs.frozen
class Resource:
    """Something a step creates that could outlive it: an endpoint, a job, a process.

    Attributes:
        kind: What it is, as the plugin names it (`endpoint`, `training-job`, `process`).
        name: Its name, derived from the run and the step: it is known before the resource exists.
    """

    kind: str
    name: str


@attrs.frozen
class TaggedResource:
    """A resource of a run, as its tags and the service describe it.

    Attributes:
        resource: What it is.
        run_id: The run that created it.
        step: The step that created it, or empty.
        state: Its state at the service (`InService`, `Creating`), or empty.
        created: When it was created, in seconds since the epoch.
        expires: When it expires, in seconds since the epoch; None if it has no such tag.
        billed: What is billed for it by the hour (`1 x ml.g5.2xlarge`), or empty for nothing.
        in_use: What is using it now, or empty.
    """

    resource: Resource
    run_id: str
    step: str
    created: float
    expires: float | None
    state: str = ""
    billed: str = ""
    in_use: str = ""


@attrs.frozen
class Endpoint:
    """A deployed model that can be asked.

    Attributes:
        name: Its name where it is deployed.
        url: Where to POST; empty where the deployer brings a transport of its own.
        headers: Sent with every request.
        concurrency: Requests at the same time that suit it.
        metadata: Details to record (device, dtype, instance type), and what `serving_details` names.
        extra_body: Further fields of every request's JSON body (`model`, which OpenAI's servers need); None removes a field
            that would be sent.
        requests_per_minute: The most requests in a minute, or None for no limit.
        tokens_per_minute: The most tokens in a minute, of prompts and answers together, or None for no limit.
        api: How it is asked: `chat` or `completions` in OpenAI's form; empty for OpenAI's form where the prompt is a chat, and
            for that of text generation servers where it is a text.
        opens_reasoning: Whether answers start inside the reasoning, because the model's chat template opens it.
    """

    name: str
    url: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    concurrency: int = 16
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    extra_body: Mapping[str, Any] = attrs.field(factory=dict)
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    api: str = ""
    opens_reasoning: bool = False
