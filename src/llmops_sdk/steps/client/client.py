"""The client: ask an endpoint many records at once, again where that may help, and give back each outcome as it comes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar, Union

import attrs

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.plugin.interfaces import Transport
from llmops_sdk.values.generations import GenerationOptions, Reply
from llmops_sdk.values.prompts import Prompt

ATTEMPTS = 6
"""How often one record is asked at the most."""

LONGEST_WAIT = 20.0
"""Seconds between two attempts at the most."""

HOPELESS = 3
"""Failures in a row, as a multiple of the concurrency, after which the endpoint is taken to be gone."""


@attrs.frozen
class Question:
    """What an endpoint is asked.

    Attributes:
        index: Its number, by which its outcome is known.
        prompt: The prompt.
        log_probability: Whether the probability of the prompt's text is wanted, and no answer.
    """

    index: int
    prompt: Prompt
    log_probability: bool = False


@attrs.frozen
class Answered:
    """A question the endpoint answered; one line of the journal.

    Attributes:
        index: The question's number; of a test record, its place in the test split.
        output: What the model wrote; None where the probability of the prompt's text was asked.
        latency: Seconds from the request that succeeded to its reply.
        prompt_tokens: As the endpoint counted them, or None.
        output_tokens: As the endpoint counted them, or None.
        finish_reason: `stop`, `length` or empty.
        log_probability: Of the prompt's text, where that was asked.
        time_to_first_token: Seconds from that request to the first token, or None where the reply came whole.
    """

    index: int
    output: str | None
    latency: float
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""
    log_probability: float | None = None
    time_to_first_token: float | None = None


@attrs.frozen
class Unanswered:
    """A question that failed for good, in this attempt at the step.

    Attributes:
        index: The question's number.
        error: Why.
        permanent: Whether asking it again cannot help.
    """

    index: int
    error: str
    permanent: bool


Outcome = Union[Answered, Unanswered]

_T = TypeVar("_T")


@attrs.define
class Asked:
    """Counts what an attempt asked."""

    began: float = attrs.field(factory=time.monotonic)
    output_tokens: int | None = None
    failed: int = 0
    seconds: float = 0.0

    def count(self, outcome: Outcome) -> None:
        """Take in one outcome."""
        self.seconds = time.monotonic() - self.began
        if isinstance(outcome, Unanswered):
            self.failed += 1
        elif outcome.output_tokens is not None:
            self.output_tokens = (self.output_tokens or 0) + outcome.output_tokens

    def metadata(self) -> dict[str, str]:
        """Return what is worth showing while it goes on."""
        metadata = {}
        if self.output_tokens is not None and self.seconds > 0:
            metadata["tokens_per_s"] = f"{self.output_tokens / self.seconds:.0f}"
        if self.failed:
            metadata["failed"] = str(self.failed)
        return metadata


def ask(
    transport: Transport,
    questions: Iterator[Question],
    generation: GenerationOptions,
    *,
    concurrency: int,
) -> Iterator[Outcome]:
    """Ask every question, `concurrency` at a time, and yield outcomes in the order in which they come.

    At most `concurrency` questions and two outcomes more are held at a time, so a kill loses no more. Throttling, 5xx,
    lost connections and timeouts are asked again with exponential backoff and jitter; what still fails is an `Unanswered`.

    Raises:
        EndpointError: So many failed in a row that the endpoint must be gone.
    """
    asker = _Asker(transport, questions, generation, concurrency)
    try:
        yield from asker.outcomes()
    finally:
        asker.stop.set()


class _Asker:
    def __init__(
        self,
        transport: Transport,
        questions: Iterator[Question],
        generation: GenerationOptions,
        concurrency: int,
    ) -> None:
        self.stop = threading.Event()
        self._transport = transport
        self._questions = questions
        self._taking = threading.Lock()
        self._generation = generation
        self._concurrency = concurrency
        self._done: queue.Queue[Outcome | BaseException | None] = queue.Queue(maxsize=1)

    def outcomes(self) -> Iterator[Outcome]:
        # Daemons: after Ctrl-C a request in flight ends with its endpoint, and must not hold the process until then.
        for number in range(self._concurrency):
            threading.Thread(target=self._work, name=f"ask-{number}", daemon=True).start()
        running, in_a_row = self._concurrency, 0
        while running:
            outcome = self._done.get()
            if outcome is None:
                running -= 1
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            hopeless = isinstance(outcome, Unanswered) and not outcome.permanent
            in_a_row = in_a_row + 1 if hopeless else 0
            yield outcome
            if in_a_row >= HOPELESS * self._concurrency and isinstance(outcome, Unanswered):
                message = f"the endpoint failed {in_a_row} records in a row, the last with: {outcome.error}"
                raise EndpointError(message)

    def _work(self) -> None:
        try:
            while not self.stop.is_set():
                with self._taking:
                    taken = next(self._questions, None)
                if taken is None:
                    break
                self._give(self._ask_one(taken))
        except BaseException as exc:  # noqa: BLE001 - it is raised again where the outcomes are read
            self._give(exc)
        self._give(None)

    def _give(self, outcome: Outcome | BaseException | None) -> None:
        while not self.stop.is_set():
            try:
                self._done.put(outcome, timeout=0.2)
            except queue.Full:
                continue
            return

    def _ask_one(self, question: Question) -> Outcome:
        latency = 0.0

        def once() -> Reply | float:
            nonlocal latency
            began = time.monotonic()
            reply: Reply | float
            if question.log_probability:
                reply = self._transport.log_probability(question.prompt)
            else:
                reply = self._transport.send(question.prompt, self._generation)
            latency = time.monotonic() - began
            return reply

        index = question.index
        try:
            reply = self._retrying(once)
        except RequestError as exc:
            return Unanswered(index, " ".join(str(exc).split()), permanent=not exc.retryable)
        latency = round(latency, 4)
        if not isinstance(reply, Reply):
            return Answered(index, None, latency, log_probability=reply)
        return Answered(
            index,
            reply.text,
            latency,
            reply.prompt_tokens,
            reply.output_tokens,
            reply.finish_reason,
            time_to_first_token=reply.time_to_first_token,
        )

    def _retrying(self, once: Callable[[], _T]) -> _T:
        from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
        from tenacity.nap import sleep_using_event
        from tenacity.stop import stop_when_event_set

        backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked_for = error.retry_after if isinstance(error, RequestError) else None
            return min(asked_for, LONGEST_WAIT) if asked_for is not None else backoff(state)

        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, RequestError) and error.retryable),
            stop=stop_after_attempt(ATTEMPTS) | stop_when_event_set(self.stop),
            wait=wait,
            sleep=sleep_using_event(self.stop),
            reraise=True,
        )(once)
