"""What a step creates outside this process: resources that can cost money, and endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Resource:
    """Something a step creates that could outlive it: an endpoint, a job, a process.

    Attributes:
        kind: What it is, in the plugin's words (`endpoint`, `training-job`, `process`).
        name: Its name, derived from the run and the step, so that it is known before it exists.
    """

    kind: str
    name: str


@attrs.frozen
class TaggedResource:
    """A resource of a run, as its tags and the service tell of it.

    Attributes:
        resource: What it is.
        run_id: The run that made it.
        step: The step that made it, or empty.
        state: What the service says of it (`InService`, `Creating`), or empty.
        created: When it was created, in seconds since the epoch.
        expires: After when nobody needs it any more, in seconds since the epoch; None where it does not say.
        billed: What is billed for it by the hour (`1 x ml.g5.2xlarge`), or empty for nothing.
        in_use: Who is known to need it now, or empty.
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
        concurrency: How many requests at a time suit it.
        metadata: What is worth recording (device, dtype, instance type).
        extra_body: Further fields of every request's JSON body (`model`, which OpenAI's servers want); None leaves out one
            that would be sent.
    """

    name: str
    url: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    concurrency: int = 16
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    extra_body: Mapping[str, Any] = attrs.field(factory=dict)
