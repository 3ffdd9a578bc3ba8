"""Asking an endpoint: many questions at once, again where that may help, and each outcome as it comes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

import attrs

from llmops_sdk.errors import EndpointError, RequestError
from llmops_sdk.plugin.interfaces import Transport
from llmops_sdk.values.answers import Answer, Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import Prompt

ATTEMPTS = 6
"""The most attempts at one question."""

LONGEST_WAIT = 20.0
"""The longest wait between two attempts, in seconds."""

HOPELESS = 3
"""Failures in a row, as a multiple of the concurrency, after which the endpoint is taken to be gone."""


@attrs.frozen
class Question:
    """What an endpoint is asked.

    Attributes:
        index: Its number, by which its outcome is known.
        prompt: The prompt.
        log_probability: Whether to ask for the log-probability of the prompt's text instead of an answer.
    """

    index: int
    prompt: Prompt
    log_probability: bool = False


def ask(
    transport: Transport,
    questions: Iterator[Question],
    generation: GenerationOptions,
    *,
    concurrency: int,
) -> Iterator[Outcome]:
    """Ask every question, `concurrency` at a time, and yield outcomes in the order in which they come.

    At most `concurrency` questions and two outcomes more are held at a time, so a kill loses no more. Throttling, 5xx,
    lost connections and timeouts are retried with exponential backoff and jitter; what still fails is `Pending`.

    Raises:
        EndpointError: As many failed in a row as if the endpoint were gone.
    """
    client = _Client(transport, questions, generation, concurrency)
    try:
        yield from client.outcomes()
    finally:
        client.stop.set()


class _Client:
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
        self._questions_lock = threading.Lock()
        self._generation = generation
        self._concurrency = concurrency
        self._outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue(maxsize=1)

    def outcomes(self) -> Iterator[Outcome]:
        # Daemons: after Ctrl-C a request in flight ends with its endpoint, and must not hold the process until then.
        for number in range(self._concurrency):
            threading.Thread(target=self._ask_all, name=f"ask-{number}", daemon=True).start()
        running, in_a_row = self._concurrency, 0
        while running:
            outcome = self._outcomes.get()
            if outcome is None:
                running -= 1
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            in_a_row = in_a_row + 1 if isinstance(outcome, Pending) else 0
            yield outcome
            if in_a_row >= HOPELESS * self._concurrency and isinstance(outcome, Pending):
                message = f"the endpoint failed {in_a_row} records in a row, the last with: {outcome.error}"
                raise EndpointError(message)

    def _ask_all(self) -> None:
        try:
            while not self.stop.is_set():
                with self._questions_lock:
                    question = next(self._questions, None)
                if question is None:
                    break
                self._put(self._ask_one(question))
        except BaseException as exc:  # noqa: BLE001 - it is raised again where the outcomes are read
            self._put(exc)
        self._put(None)

    def _put(self, outcome: Outcome | BaseException | None) -> None:
        while not self.stop.is_set():
            try:
                self._outcomes.put(outcome, timeout=0.2)
            except queue.Full:
                continue
            return

    def _ask_one(self, question: Question) -> Outcome:
        def send() -> Answer:
            started = time.monotonic()
            if question.log_probability:
                answer = Answer(log_probability=self._transport.log_probability(question.prompt))
            else:
                answer = self._transport.send(question.prompt, self._generation)
            return attrs.evolve(answer, latency=round(time.monotonic() - started, 4))

        try:
            return Answered(question.index, self._retrying(send))
        except RequestError as exc:
            error = " ".join(str(exc).split())
            return Pending(question.index, error) if exc.retryable else Unanswered(question.index, error)

    def _retrying(self, send: Callable[[], Answer]) -> Answer:
        from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
        from tenacity.nap import sleep_using_event
        from tenacity.stop import stop_when_event_set

        backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            requested = error.retry_after if isinstance(error, RequestError) else None
            return min(requested, LONGEST_WAIT) if requested is not None else backoff(state)

        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, RequestError) and error.retryable),
            stop=stop_after_attempt(ATTEMPTS) | stop_when_event_set(self.stop),
            wait=wait,
            sleep=sleep_using_event(self.stop),
            reraise=True,
        )(send)
