"""The client of a judge: it asks several questions at a time, stores each answer at once, and never asks one twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from llmops_plugins.metrics.judge.journal import Journal, Judgment
from llmops_plugins.metrics.judge.prompt import question_key
from llmops_sdk.plugin import (
    Answer,
    Answered,
    ChatPrompt,
    Context,
    Endpoint,
    EndpointError,
    GenerationOptions,
    HttpTransport,
    Outcome,
    Pending,
    Prompt,
    Question,
    RequestError,
    SpecError,
    TextPrompt,
    Transport,
    ask,
    bearer_headers,
    is_loopback,
)

if TYPE_CHECKING:
    from llmops_plugins.metrics.judge.options import AskOptions

MAX_REFUSALS = 20
"""Refusals in a row after which the judge is considered to refuse everything."""


@attrs.frozen
class NotJudged:
    """Why a judge gave no answer.

    Attributes:
        reason: The reason, in one line.
        pending: Whether asking again later may get an answer.
    """

    reason: str
    pending: bool = False


@attrs.define
class Case:
    """One output before the judge.

    Attributes:
        index: The record's place in the test split.
        prompt: The question to the judge.
        answers: Its answers, by the number of the repetition.
    """

    index: int
    prompt: str
    answers: dict[int, Judgment | NotJudged] = attrs.field(factory=dict)


class Judge:
    """A judge and the journal of its answers.

    The connection is opened with the first question: a complete journal needs no server and no key.

    Args:
        options: Who judges, and how.
        context: The context of the step; the journal is in its folder.
    """

    def __init__(self, options: AskOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._journal = Journal(context.folder)
        self._refused_in_a_row = 0
        self._last_error = ""

    def ask(self, cases: Sequence[Case], repeat: int) -> Iterator[None]:
        """Ask about every case once; yields after each answer, which is then in its case.

        Raises:
            EndpointError: The judge cannot be reached, or refuses everything.
            SpecError: It must not be asked here: the run is offline, or the key is missing.
        """
        pending = {}
        for place, case in enumerate(cases):
            judgment = self._journal.find(question_key(case.index, repeat, case.prompt))
            if judgment is None:
                pending[place] = Question(place, self._prompt(case))
            else:
                case.answers[repeat] = judgment
        if not pending:
            return
        options = self._options
        # Each repetition has its own seed: with the same one, a server samples the same answer again.
        generation = GenerationOptions(options.max_new_tokens, options.temperature, seed=repeat)
        meter = self._context.meter
        outcomes = ask(
            self._transport, meter.affordable(iter(pending.values())), generation, concurrency=options.concurrency
        )
        try:
            for outcome in outcomes:
                meter.count(outcome)
                case = cases[outcome.index]
                case.answers[repeat] = self._record(outcome, question_key(case.index, repeat, case.prompt))
                yield
        except EndpointError as exc:
            parameter = exc.parameter if isinstance(exc, RequestError) else ""
            hint = f"; leave it out by extra_body: {{{parameter}: null}}" if parameter else ""
            message = f"the judge does not answer: {exc}{hint}"
            raise EndpointError(message) from exc
        meter.check("the judge")

    def finish(self) -> None:
        """Check that the judge answered something, now or in an earlier attempt.

        Raises:
            EndpointError: It refused every question.
        """
        if self._refused_in_a_row and self._journal.is_empty:
            message = f"the judge answered nothing at all: {self._last_error}"
            raise EndpointError(message)

    def close(self) -> None:
        """Close the journal and the connections."""
        self._journal.close()
        if "_transport" in vars(self):
            self._transport.close()

    @cached_property
    def _transport(self) -> _JudgeTransport:
        options = self._options
        if self._context.offline and not is_loopback(options.url):
            message = (
                f"the judge at {options.url} is not on this machine, and this run is offline: run without --offline, or give the "
                "url of a judge on this machine"
            )
            raise SpecError(message)
        endpoint = Endpoint(
            name="judge",
            url=options.url,
            headers=bearer_headers(options.api_key),
            concurrency=options.concurrency,
            extra_body={**({"model": options.model} if options.model else {}), **options.extra_body},
        )
        return _JudgeTransport(endpoint)

    def _prompt(self, case: Case) -> Prompt:
        if self._options.form == "text":
            return TextPrompt(case.prompt, "")
        return ChatPrompt(({"role": "user", "content": case.prompt},), "")

    def _record(self, outcome: Outcome, key: str) -> Judgment | NotJudged:
        if not isinstance(outcome, Answered):
            self._refused_in_a_row += 1
            self._last_error = outcome.error
            if self._refused_in_a_row == MAX_REFUSALS:
                message = f"it refused {MAX_REFUSALS} questions in a row, the last with: {outcome.error}"
                raise EndpointError(message)
            return NotJudged(f"the judge did not answer: {outcome.error}", isinstance(outcome, Pending))
        self._refused_in_a_row = 0
        judgment = Judgment(outcome.answer.output, outcome.answer.finish_reason)
        self._journal.add(key, judgment)
        for model in self._transport.models - self._journal.models:
            self._journal.add_model(model)
        return judgment


class _JudgeTransport(Transport):
    """Asks over HTTP, which masks the key in what comes back; collects the names by which the server reports its model."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._http = HttpTransport(endpoint)
        self.models: set[str] = set()

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        reply = self._http.send(prompt, generation)
        if reply.model:
            self.models.add(reply.model)
        return reply

    def close(self) -> None:
        self._http.close()
