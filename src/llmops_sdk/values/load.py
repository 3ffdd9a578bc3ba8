"""How fast an endpoint is under load: what is asked for, and what was measured with one number of requests in flight."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

LOAD_AT = "load."
"""The prefix of the names of what was measured, in the record of a `generate` step."""

MOST_AT_A_TIME = 1_024
"""The most requests in flight that one client is to send."""

MOST_REQUESTS = 100_000
"""The most requests with one number in flight."""

DEFAULT_REQUESTS = 100
"""Requests with one number in flight: the fewest that have a 99th percentile."""


@attrs.frozen
class Load:
    """The load to measure endpoints under, besides the answers of the test.

    Attributes:
        concurrency: The numbers of requests in flight, ascending; each is measured on its own.
        requests: How many requests are sent with each; None means 100, or twice the highest concurrency if that is more.
    """

    concurrency: tuple[int, ...]
    requests: int | None = None

    @property
    def requests_each(self) -> int:
        """How many requests are sent with each number in flight.

        >>> Load((1, 4, 16)).requests_each, Load((1, 200)).requests_each, Load((1,), 20).requests_each
        (100, 400, 20)
        """
        return self.requests or max(DEFAULT_REQUESTS, 2 * max(self.concurrency))


@attrs.frozen
class PlannedLoad:
    """The load that a plan measures endpoints under.

    Attributes:
        concurrency: The numbers of requests in flight, ascending.
        requests: How many requests are sent with each.
        cells: The name of each `generate` step that measures its endpoint, to the cell whose prompts are sent. A model has
            one such step, however often it is fine-tuned; one whose answers are recorded has none.
    """

    concurrency: tuple[int, ...]
    requests: int
    cells: Mapping[str, str]


@attrs.frozen
class LoadLevel:
    """What an endpoint did with one number of requests in flight. No request is sent twice: one that fails is counted.

    Attributes:
        concurrency: Requests in flight at a time.
        requests: Those that were sent.
        failed: Those without an answer.
        seconds: From the first request to the last answer.
        measured_at: When: ISO 8601, UTC.
        machine: That of the client: system, processor and number of cores.
        prompts: The number of different prompts; each is sent again where there are more requests.
        requests_per_second: Answers in a second.
        output_tokens_per_second: Of all answers; None where the endpoint does not count them.
        latency_p50: Seconds from request to answer, median; None without an answer.
        latency_p95: Seconds, 95th percentile; None of fewer than 20 answers.
        latency_p99: Seconds, 99th percentile; None of fewer than 100 answers.
        time_to_first_token_p50: Seconds from request to first token, median; None where answers are not streamed.
        error: Of a request that failed, or empty.
    """

    concurrency: int
    requests: int
    failed: int
    seconds: float
    measured_at: str
    machine: str
    prompts: int
    requests_per_second: float
    output_tokens_per_second: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    time_to_first_token_p50: float | None = None
    error: str = ""


@attrs.frozen
class ModelLoad:
    """How fast the endpoint of a model was under load. It describes, and decides nothing.

    Attributes:
        model: The model's name in the specification.
        levels: What was measured, by ascending concurrency.
    """

    model: str
    levels: tuple[LoadLevel, ...]

    @property
    def basis(self) -> tuple[str, ...]:
        """With how many prompts it was measured, when and where: a text for each occasion."""
        return tuple(
            dict.fromkeys(
                f"{level.prompts:,} {'prompt' if level.prompts == 1 else 'prompts'}, {level.measured_at[:10]}, from {level.machine}"
                for level in self.levels
            )
        )

    @property
    def errors(self) -> tuple[str, ...]:
        """What failed, a text for each number of requests in flight."""
        return tuple(
            f"{level.failed:,} of {level.requests:,} requests failed at {level.concurrency} at a time: {level.error}"
            for level in self.levels
            if level.failed
        )
