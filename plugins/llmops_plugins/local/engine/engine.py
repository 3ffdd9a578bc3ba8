"""Answers many requests at a time with a causal language model of transformers.

Requests join and leave the running batch at every step (continuous batching): one that is done makes room at once, and
none waits for another's end. Answers are those that `generate` of transformers gives for each request alone, but for
the rounding of float sums, which depends on how many rows are computed together.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Union

import attrs
import torch

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.linear import pack_linears
from llmops_plugins.local.engine.model import Batched, Rows, make_rows
from llmops_plugins.local.engine.sampling import Chooser, choose
from llmops_plugins.local.engine.scoring import RowPrompt
from llmops_plugins.local.engine.text import RequestRefusedError, Stops, Text
from llmops_plugins.local.weights.locate import load_model, load_tokenizer


@attrs.frozen
class Request:
    """What to continue, and how.

    Attributes:
        prompt: A text, or chat messages.
        max_new_tokens: The longest answer.
        temperature: 0 is greedy.
        top_p: Keep the likeliest tokens that together have this probability.
        stop: Strings that end the answer; they are cut from it.
        seed: Of the sampling; None takes another each time.
        return_full_text: Whether a text prompt stands before the answer.
        scores_prompt: Whether the log-probabilities of the prompt's own tokens are wanted.
    """

    prompt: str | Sequence[Mapping[str, str]]
    max_new_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int | None = None
    return_full_text: bool = False
    scores_prompt: bool = False


@attrs.frozen
class PromptToken:
    """A token of a prompt.

    Attributes:
        id: Its number.
        text: By itself, special ones as they are written.
        log_probability: Natural logarithm of its probability after all tokens before it; None for the first.
    """

    id: int
    text: str
    log_probability: float | None


@attrs.frozen
class Answer:
    """What the model wrote.

    Attributes:
        text: Without special tokens and stop strings.
        finish_reason: `stop` (the model's own end, or a stop string) or `length`.
        prompt_tokens: Of the prompt.
        output_tokens: Generated, the end token and what was cut counted.
        prompt: The prompt's tokens, where it was scored.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int
    prompt: tuple[PromptToken, ...] = ()


@attrs.frozen
class Refused:
    """A request that was not answered.

    Attributes:
        reason: Why.
        fault: `request` or `model`.
    """

    reason: str
    fault: str = "request"


Outcome = Union[Answer, Refused]


@attrs.define(eq=False)
class Job:
    """A request on its way through the engine.

    Attributes:
        request: As it came.
        prompt: Its tokens.
        log_probabilities: Of the prompt's tokens after the first, where they are wanted.
        outcome: None until it is done.
        cancelled: Set, from any thread, when nobody waits for it any more.
    """

    request: Request
    prompt: list[int]
    stops: Stops
    chooser: Chooser
    log_probabilities: list[float] = attrs.field(factory=list)
    tokens: list[int] = attrs.field(factory=list)
    outcome: Outcome | None = None
    cancelled: bool = False

    @property
    def places(self) -> int:
        """How many tokens it may come to hold."""
        return len(self.prompt) + self.request.max_new_tokens

    def take(self, token: int | None) -> None:
        """Add a generated token, and set the outcome when it is the last."""
        if token is None or not all(map(math.isfinite, self.log_probabilities)):
            reason = "the model computes no finite numbers: its weights are broken, or float32 is needed"
            self.outcome = Refused(reason, fault="model")
            return
        self.tokens.append(token)
        stopped = self.stops.found(self.tokens)
        if stopped or len(self.tokens) == self.request.max_new_tokens:
            text = self.stops.answer(self.tokens)
            full = isinstance(self.request.prompt, str) and self.request.return_full_text
            self.outcome = Answer(
                text=f"{self.request.prompt}{text}" if full else text,
                finish_reason="stop" if stopped else "length",
                prompt_tokens=len(self.prompt),
                output_tokens=len(self.tokens),
                prompt=self._scored_prompt() if self.request.scores_prompt else (),
            )

    def _scored_prompt(self) -> tuple[PromptToken, ...]:
        texts = self.stops.text.decode_each(self.prompt)
        return tuple(map(PromptToken, self.prompt, texts, [None, *self.log_probabilities]))


class Engine:
    """A loaded model. Not safe for several threads: one thread owns it.

    Args:
        folder: Weights and tokenizer in Hugging Face's form.
        device: Where and in which format to compute.
        max_batch: Requests in the running batch at the most.

    Raises:
        AssetError: The folder cannot be loaded.
    """

    def __init__(self, folder: Path, device: Device, *, max_batch: int = 16) -> None:
        tokenizer = load_tokenizer(folder)
        model: Any = load_model(folder, device.dtype).to(device.torch_device)
        self.max_batch = max_batch
        self.context_length = _context_length(model.config, tokenizer)
        self._text = Text(tokenizer, _end_tokens(model, tokenizer))
        self.kernel = pack_linears(model) if device.kind == "cpu" else "plain"
        self._rows: Rows = make_rows(model, device)
        self.batched = isinstance(self._rows, Batched)
        self._waiting: deque[Job] = deque()
        # By row; None is a row that became free in the last step.
        self._running: list[Job | None] = []

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not self._running

    def generate(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer requests together, and return their outcomes in the same order."""
        jobs = [self.submit(request) for request in requests]
        while not self.idle:
            self.advance()
        return [job if isinstance(job, Refused) else _outcome(job) for job in jobs]

    def submit(self, request: Request) -> Job | Refused:
        """Take a request in; `advance` works on it."""
        try:
            job = self._make_job(request)
        except RequestRefusedError as exc:
            return Refused(str(exc))
        self._waiting.append(job)
        return job

    @torch.inference_mode()
    def advance(self) -> list[Job]:
        """Let waiting requests join as far as there is room, go on by one token with all, and return those done.

        Cancelled ones leave without being returned. After an exception the engine is empty and usable.
        """
        try:
            self._leave()
            done = self._join()
            self._close_gaps()
            if self._running:
                jobs = [job for job in self._running if job is not None]
                done += self._take(jobs, self._rows.step([job.tokens[-1] for job in jobs]))
            self._leave()
        except BaseException:
            self._waiting.clear()
            self._running.clear()
            self._rows.clear()
            raise
        return done

    def _make_job(self, request: Request) -> Job:
        tokens = self._text.encode(request.prompt)
        if len(tokens) + request.max_new_tokens > self.context_length:
            message = (
                f"the prompt has {len(tokens)} tokens; with max_new_tokens {request.max_new_tokens} that is more than the "
                f"model's context length of {self.context_length}"
            )
            raise RequestRefusedError(message)
        chooser = Chooser(request.temperature, request.top_p, random.Random(request.seed))  # noqa: S311 - no secret
        return Job(request, tokens, self._text.stops(request.stop), chooser)

    def _leave(self) -> None:
        """Free the rows of those that are done or cancelled."""
        self._waiting = deque(job for job in self._waiting if not job.cancelled)
        self._running = [
            None if job is None or job.cancelled or job.outcome is not None else job for job in self._running
        ]
        while self._running and self._running[-1] is None:
            self._running.pop()

    def _join(self) -> list[Job]:
        """Give rows to waiting requests, free ones first, and compute their prompts."""
        joined: list[tuple[RowPrompt, Job]] = []
        while self._waiting and self._has_room(self._waiting[0]):
            job = self._waiting.popleft()
            row = self._running.index(None) if None in self._running else len(self._running)
            self._running[row : row + 1] = [job]
            joined.append((RowPrompt(row, job.prompt, job.request.scores_prompt), job))
        if not joined:
            return []
        found = self._rows.prefill([prompt for prompt, _ in joined], len(self._running), self._places())
        jobs = [started for _, started in joined]
        for started, log_probabilities in zip(jobs, found.log_probabilities, strict=True):
            started.log_probabilities = log_probabilities
        done = self._take(jobs, found.logits)
        self._leave()
        return done

    def _has_room(self, job: Job) -> bool:
        running = sum(job is not None for job in self._running)
        if running == 0:
            return True
        rows = max(running + 1, len(self._running))
        return running < self.max_batch and self._rows.fits(rows, max(job.places, self._places()))

    def _places(self) -> int:
        return max((job.places for job in self._running if job is not None), default=0)

    def _close_gaps(self) -> None:
        """Move the last rows into free ones, so that a step computes no row in vain."""
        while None in self._running:
            target = self._running.index(None)
            self._rows.move(len(self._running) - 1, target)
            self._running[target] = self._running.pop()
            self._leave()

    @staticmethod
    def _take(jobs: Sequence[Job], logits: torch.Tensor) -> list[Job]:
        for job, token in zip(jobs, choose(logits, [job.chooser for job in jobs]), strict=True):
            job.take(token)
        return [job for job in jobs if job.outcome is not None]


def _outcome(job: Job) -> Outcome:
    assert job.outcome is not None  # noqa: S101 - the engine is idle
    return job.outcome


def _context_length(config: Any, tokenizer: Any) -> int:
    """Return the longest sequence in tokens: of the model, or of its tokenizer where the model has no limit."""
    text = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        length = getattr(text, name, None)
        if isinstance(length, int) and length > 0:
            return length
    return int(tokenizer.model_max_length)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return every token that ends an answer, as the generation settings, the model and the tokenizer name them."""
    ends: set[int] = set()
    for owner in (model.generation_config, model.config, tokenizer):
        named = getattr(owner, "eos_token_id", None)
        ends.update([named] if isinstance(named, int) else named or [])
    return frozenset(ends)
