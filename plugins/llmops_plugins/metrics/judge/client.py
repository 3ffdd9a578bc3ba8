"""Asks a judge: many questions at a time, each answer kept at once, and none asked that was answered before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from llmops_plugins.metrics.judge.journal import Journal, Judgment
from llmops_plugins.metrics.judge.prompt import question_key
from llmops_sdk.plugin import (
    Answered,
    ChatPrompt,
    Context,
    Endpoint,
    EndpointError,
    GenerationOptions,
    HttpTransport,
    Prompt,
    Question,
    Reply,
    RequestError,
    SpecError,
    TextPrompt,
    Transport,
    Unanswered,
    ask,
    is_loopback,
)

if TYPE_CHECKING:
    from llmops_plugins.metrics.judge.options import JudgeOptions

HOPELESS = 20
"""Questions in a row that the judge may refuse before it is taken to refuse all."""


@attrs.frozen
class NotJudged:
    """Why a judge gave no answer."""

    reason: str


@attrs.define
class Case:
    """One output before the judge.

    Attributes:
        index: The record's place in the test split.
        prompt: What the judge is asked.
        answers: What it answered, by the number of the repetition.
    """

    index: int
    prompt: str
    answers: dict[int, Judgment | NotJudged] = attrs.field(factory=dict)


class Judge:
    """A judge and the journal of what it answered.

    Nothing is opened before something must be asked, so that a journal without gaps needs no server and no key.

    Args:
        options: Who judges, and how.
        context: Of the step; the journal is in its folder.
    """

    def __init__(self, options: JudgeOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._journal = Journal(context.folder)
        self._answered = 0
        self._in_a_row = 0
        self._last = ""

    def ask(self, cases: Sequence[Case], repeat: int) -> Iterator[None]:
        """Ask about every case once more; yields after each answer, which its case then has.

        Raises:
            EndpointError: The judge is gone, or refuses everything.
            SpecError: It may not be asked here: the run is offline, or its key is not there.
        """
        pending = {}
        for place, case in enumerate(cases):
            found = self._journal.find(question_key(case.index, repeat, case.prompt))
            if found is None:
                pending[place] = Question(place, self._prompt(case))
            else:
                case.answers[repeat] = found
                self._answered += 1
        if not pending:
            return
        options = self._options
        # Another seed for each repetition: with the same one, a server samples the same answer again.
        generation = GenerationOptions(options.max_new_tokens, options.temperature, seed=repeat)
        outcomes = ask(self._transport, iter(pending.values()), generation, concurrency=options.concurrency)
        try:
            for outcome in outcomes:
                case = cases[outcome.index]
                case.answers[repeat] = self._taken(outcome, question_key(case.index, repeat, case.prompt))
                yield
        except EndpointError as exc:
            message = f"the judge does not answer: {exc}"
            raise EndpointError(message) from exc

    def finish(self) -> None:
        """Check that it judged at all.

        Raises:
            EndpointError: It refused everything.
        """
        if self._in_a_row and not self._answered:
            message = f"the judge answered nothing at all: {self._last}"
            raise EndpointError(message)

    def close(self) -> None:
        """Let go of the file and the connections."""
        self._journal.close()
        if "_transport" in vars(self):
            self._transport.close()

    @cached_property
    def _transport(self) -> _JudgeTransport:
        options = self._options
        if self._context.offline and not is_loopback(options.url):
            message = (
                f"the judge at {options.url} is not on this machine, and this run is offline: run it without --offline, or give "
                "the url of a judge on this machine"
            )
            raise SpecError(message)
        key = options.api_key.reveal().strip() if options.api_key else ""
        if not key.isascii() or not key.isprintable():
            # The text may be the key: it must not reach a message or a log.
            message = f"the secret {options.api_key.reference if options.api_key else ''!r} holds no key: a key is one line of plain letters"
            raise SpecError(message)
        endpoint = Endpoint(
            name="judge",
            url=options.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            concurrency=options.concurrency,
            extra_body={**({"model": options.model} if options.model else {}), **options.extra_body},
        )
        return _JudgeTransport(endpoint, key)

    def _prompt(self, case: Case) -> Prompt:
        if self._options.form == "text":
            return TextPrompt(case.prompt, "")
        return ChatPrompt(({"role": "user", "content": case.prompt},), "")

    def _taken(self, outcome: Answered | Unanswered, key: str) -> Judgment | NotJudged:
        if isinstance(outcome, Unanswered):
            self._in_a_row += 1
            self._last = outcome.error
            if self._in_a_row == HOPELESS:
                message = f"it refused {HOPELESS} outputs in a row, the last with: {outcome.error}"
                raise EndpointError(message)
            return NotJudged(f"the judge did not answer: {outcome.error}")
        self._in_a_row = 0
        self._answered += 1
        # Half of a surrogate pair cannot be kept as UTF-8.
        text = (outcome.output or "").encode("utf-8", "replace").decode("utf-8")
        judgment = Judgment(text, outcome.finish_reason)
        self._journal.keep(key, judgment)
        for model in self._transport.models - self._journal.models:
            self._journal.keep_model(model)
        return judgment


class _JudgeTransport(Transport):
    """Asks over HTTP; notes how the server calls its model, and keeps the key out of what a server says."""

    def __init__(self, endpoint: Endpoint, key: str) -> None:
        self._http = HttpTransport(endpoint)
        self._key = key
        self.models: set[str] = set()

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Reply:
        try:
            reply = self._http.send(prompt, generation)
        except RequestError as exc:
            if not self._key or self._key not in str(exc):
                raise
            told = str(exc).replace(self._key, "***")
            raise RequestError(told, retryable=exc.retryable, retry_after=exc.retry_after) from None
        if reply.model:
            self.models.add(reply.model)
        return reply

    def close(self) -> None:
        self._http.close()
