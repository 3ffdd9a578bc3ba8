"""Asking an endpoint: many questions at once, again where that may help, and each outcome as it comes."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import attrs

from llmops_sdk.errors import EndpointError, LLMOpsError, RequestError
from llmops_sdk.plugin.interfaces import Transport
from llmops_sdk.steps.client.answers import cleaned
from llmops_sdk.steps.client.patience import LONGEST_WAIT, Patience, patience_with
from llmops_sdk.steps.client.replies import repaired
from llmops_sdk.values.answers import Answer, Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import Prompt

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

ATTEMPTS = 6
"""The most attempts at one question."""

LONGEST = 600.0
"""Seconds after which a question is not asked again: one that times out is not asked six times."""

HOPELESS = 3
"""Failures in a row, as a multiple of the concurrency, after which the endpoint is taken to be gone."""

_MOST_SHOWN = 1_000


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
    patience: Patience | None = None,
) -> Iterator[Outcome]:
    """Ask every question, `concurrency` at a time, and yield outcomes in the order in which they come.

    At most `concurrency` questions and two outcomes more are held at a time, so a kill loses no more. Throttling, 5xx,
    lost connections and timeouts are retried with exponential backoff and jitter; what still fails is `Pending`.
    Whatever an answer is, it decides its own question only: an unexpected error of the transport makes it `Pending`.

    Args:
        transport: How requests are sent.
        questions: What is asked.
        generation: The options of every answer.
        concurrency: Requests in flight at a time.
        patience: How long the endpoint may be waited for in vain; by default, the calls with one transport share a budget.

    Raises:
        EndpointError: As many failed in a row as if the endpoint were gone.
    """
    client = _Client(transport, questions, generation, concurrency, patience or patience_with(transport))
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
        patience: Patience,
    ) -> None:
        self.stop = threading.Event()
        self._transport = transport
        self._questions = questions
        self._questions_lock = threading.Lock()
        self._generation = generation
        self._concurrency = concurrency
        self._patience = patience
        self._outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue(maxsize=1)
        self._retrying = self._make_retrying()  # for all threads: each has its own state in it

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
            return Answered(question.index, cleaned(self._ask_patiently(send)))
        except RequestError as exc:
            error = _in_one_line(str(exc))
            return Pending(question.index, error) if exc.retryable else Unanswered(question.index, error)
        except LLMOpsError:
            raise  # of the endpoint or the options, not of this question
        except Exception as exc:  # noqa: BLE001 - one answer must not end the others; a fixed plugin asks again
            return Pending(question.index, _in_one_line(f"{type(exc).__name__}: {exc} ({_place(exc)})"))

    def _may_help(self, error: BaseException) -> bool:
        """Return whether to wait and ask again."""
        return isinstance(error, RequestError) and error.retryable and not self._patience.is_spent

    def _ask_patiently(self, send: Callable[[], Answer]) -> Answer:
        try:
            return self._retrying(send)
        except RequestError:
            waited = self._retrying.statistics.get("idle_for", 0.0)  # those of this thread's last question
            self._patience.waste(waited / self._concurrency)
            raise

    def _make_retrying(self) -> Retrying:
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
        from tenacity.nap import sleep_using_event
        from tenacity.stop import stop_when_event_set
        from tenacity.wait import wait_random_exponential

        backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            requested = error.retry_after if isinstance(error, RequestError) else None
            return min(requested, LONGEST_WAIT) if requested is not None else backoff(state)

        return Retrying(
            retry=retry_if_exception(self._may_help),
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(LONGEST) | stop_when_event_set(self.stop),
            wait=wait,
            sleep=sleep_using_event(self.stop),
            reraise=True,
        )


def _in_one_line(error: str) -> str:
    line = repaired(" ".join(error.split()))
    return line if len(line) <= _MOST_SHOWN else line[:_MOST_SHOWN] + "..."


def _place(error: Exception) -> str:
    """Return the file and line that raised an error."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown place"
