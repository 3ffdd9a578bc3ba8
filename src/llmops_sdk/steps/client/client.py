"""Asking an endpoint: many questions at once, again where that may help, and each outcome as it comes."""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import attrs

from llmops_sdk.errors import EndpointError, LLMOpsError, RequestError
from llmops_sdk.plugin.interfaces import RecordTransport, Transport
from llmops_sdk.steps.client.answers import cleaned
from llmops_sdk.steps.client.patience import LONGEST_WAIT, Patience, patience_with
from llmops_sdk.steps.client.rates import Rates
from llmops_sdk.steps.client.reasoning import without_reasoning
from llmops_sdk.steps.client.replies import repaired
from llmops_sdk.values.answers import Answer, Answered, Outcome, Pending, Unanswered
from llmops_sdk.values.data import Record
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import Prompt

ATTEMPTS = 6
"""The most attempts at one question."""

LONGEST = 600.0
"""Seconds after which a question is not asked again: one that times out is not asked six times."""

HOPELESS = 3
"""Failures in a row, as a multiple of the concurrency, after which the endpoint is taken to be gone."""

_MOST_SHOWN = 1_000
_FEWEST_HELD, _SHARE_HELD = 2, 8
"""Outcomes that may wait for the caller while `concurrency` further questions are asked: an eighth as many, at least two."""


@attrs.frozen
class Question:
    """What an endpoint is asked.

    Attributes:
        index: Its number, by which its outcome is known.
        prompt: The prompt.
        log_probability: Whether to ask for the log-probability of the prompt's text instead of an answer.
        record: The test record that the prompt was made of, or None for another question.
    """

    index: int
    prompt: Prompt
    log_probability: bool = False
    record: Record | None = None


def ask(
    transport: Transport,
    questions: Iterator[Question],
    generation: GenerationOptions,
    *,
    concurrency: int,
    patience: Patience | None = None,
    rates: Rates | None = None,
    opens_reasoning: bool = False,
) -> Iterator[Outcome]:
    """Ask every question, `concurrency` at a time, and yield outcomes in the order in which they come.

    The reasoning of a model is kept apart from its answer; one that was cut off before its answer is `Unanswered`.

    At most `concurrency` questions and an eighth as many outcomes more (at least two) are held at a time, so a kill loses
    no more. Throttling, 5xx, lost connections and timeouts are retried with exponential backoff and jitter; what still
    fails is `Pending`. Whatever an answer is, it decides its own question only: an unexpected error of the transport makes it `Pending`.

    Args:
        transport: How requests are sent.
        questions: What is asked.
        generation: The options of every answer.
        concurrency: Requests in flight at a time.
        patience: How long the endpoint may be waited for in vain; by default, the calls with one transport share a budget.
        rates: The limits of requests and tokens in a minute.
        opens_reasoning: Whether answers start inside the reasoning; see `Endpoint`.

    Raises:
        EndpointError: As many failed in a row as if the endpoint were gone, or it answers none and refuses the key, the
            model or a parameter of every request.
    """
    client = _Client(
        transport,
        questions,
        generation,
        concurrency=concurrency,
        patience=patience or patience_with(transport),
        rates=rates,
        opens_reasoning=opens_reasoning,
    )
    try:
        yield from client.outcomes()
    finally:
        client.close()


class _Client:
    def __init__(
        self,
        transport: Transport,
        questions: Iterator[Question],
        generation: GenerationOptions,
        *,
        concurrency: int,
        patience: Patience,
        rates: Rates | None,
        opens_reasoning: bool,
    ) -> None:
        self.stop = threading.Event()
        self._transport = transport
        self._questions = questions
        self._questions_lock = threading.Lock()
        self._generation = generation
        self._concurrency = concurrency
        self._patience = patience
        self._rates = rates
        self._opens_reasoning = opens_reasoning
        self._is_answering = False
        self._outcomes: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()
        # One for each question that is asked or whose outcome the caller still works on.
        self._permits: queue.SimpleQueue[None] = queue.SimpleQueue()

    def close(self) -> None:
        """Ask no more; requests in flight end on their own."""
        self.stop.set()
        for _ in range(self._concurrency):
            self._permits.put(None)

    def outcomes(self) -> Iterator[Outcome]:
        in_a_row = 0
        # Recorded answers take no time to look up: a thread would only wait for its turn.
        is_at_hand = self._concurrency == 1 and isinstance(self._transport, RecordTransport)
        for outcome in map(self._ask_one, self._questions) if is_at_hand else self._ask_in_threads():
            in_a_row = in_a_row + 1 if isinstance(outcome, Pending) else 0
            yield outcome
            if in_a_row >= HOPELESS * self._concurrency and isinstance(outcome, Pending):
                message = f"the endpoint failed {in_a_row} records in a row, the last with: {outcome.error}"
                raise EndpointError(message)

    def _ask_in_threads(self) -> Iterator[Outcome]:
        for _ in range(self._concurrency + max(_FEWEST_HELD, self._concurrency // _SHARE_HELD)):
            self._permits.put(None)
        # Daemons: after Ctrl-C a request in flight ends with its endpoint, and must not hold the process until then.
        for number in range(self._concurrency):
            threading.Thread(target=self._ask_all, name=f"ask-{number}", daemon=True).start()
        running = self._concurrency
        while running:
            outcome = self._outcomes.get()
            if outcome is None:
                running -= 1
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
            self._permits.put(None)

    def _ask_all(self) -> None:
        try:
            while True:
                self._permits.get()
                if self.stop.is_set():
                    break
                with self._questions_lock:
                    question = next(self._questions, None)
                if question is None:
                    break
                self._outcomes.put(self._ask_one(question))
        except BaseException as exc:  # noqa: BLE001 - it is raised again where the outcomes are read
            self._outcomes.put(exc)
        self._outcomes.put(None)

    def _ask_one(self, question: Question) -> Outcome:
        def send() -> Answer:
            if question.record is not None and isinstance(self._transport, RecordTransport):
                return self._transport.answer(question.index, question.record, question.prompt)
            estimated = self._rates.estimate(question.prompt, self._generation) if self._rates else 0
            if self._rates and not self._rates.wait(estimated, self.stop):
                message = "the run was stopped before the question was asked"
                raise RequestError(message, retryable=True)
            started = time.monotonic()
            if question.log_probability:
                answer = Answer(log_probability=self._transport.log_probability(question.prompt))
            else:
                answer = self._transport.send_record(question.record, question.prompt, self._generation)
            if self._rates:
                self._rates.correct(estimated, answer)
            return attrs.evolve(answer, latency=round(time.monotonic() - started, 4))

        try:
            answer = without_reasoning(cleaned(self._retrying(send)), question.prompt, opened=self._opens_reasoning)
        except RequestError as exc:
            if exc.refuses_all and not self._is_answering:
                raise  # it would refuse all other questions too
            error = _in_one_line(str(exc))
            is_open = exc.retryable or exc.refuses_all
            return Pending(question.index, error) if is_open else Unanswered(question.index, error, exc.is_missing)
        except LLMOpsError:
            raise  # of the endpoint or the options, not of this question
        except Exception as exc:  # noqa: BLE001 - one answer must not end the others; a fixed plugin asks again
            return Pending(question.index, _in_one_line(f"{type(exc).__name__}: {exc} ({_place(exc)})"))
        self._is_answering = True
        return Answered(question.index, answer)

    def _may_help(self, error: BaseException) -> bool:
        """Return whether to wait and ask again."""
        return isinstance(error, RequestError) and error.retryable and not self._patience.is_spent

    def _retrying(self, send: Callable[[], Answer]) -> Answer:
        started = time.monotonic()
        try:
            return send()
        except RequestError as exc:
            left = LONGEST - (time.monotonic() - started)
            if left <= 0 or not self._may_help(exc):
                raise
            first: RequestError | None = exc

        from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
        from tenacity.nap import sleep_using_event
        from tenacity.stop import stop_when_event_set
        from tenacity.wait import wait_random_exponential

        backoff = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)
        waited = 0.0

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            requested = error.retry_after if isinstance(error, RequestError) else None
            return min(requested, LONGEST_WAIT) if requested is not None else backoff(state)

        def count(state: RetryCallState) -> None:
            nonlocal waited
            waited += state.upcoming_sleep

        def send_again() -> Answer:
            """Fail with what failed already, then send."""
            nonlocal first
            if first is not None:
                error, first = first, None
                raise error
            return send()

        try:
            return Retrying(
                retry=retry_if_exception(self._may_help),
                stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(left) | stop_when_event_set(self.stop),
                wait=wait,
                before_sleep=count,
                sleep=sleep_using_event(self.stop),
                reraise=True,
            )(send_again)
        except RequestError:
            self._patience.waste(waited / self._concurrency)
            raise


def _in_one_line(error: str) -> str:
    line = repaired(" ".join(error.split()))
    return line if len(line) <= _MOST_SHOWN else line[:_MOST_SHOWN] + "..."


def _place(error: Exception) -> str:
    """Return the file and line that raised an error."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown place"
