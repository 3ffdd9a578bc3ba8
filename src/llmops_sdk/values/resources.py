"""What a step creates outside this process: resources that can be billed, and endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


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
        metadata: Details to record (device, dtype, instance type).
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
