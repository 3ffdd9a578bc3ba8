"""Completes many requests at a time with a causal language model of transformers.

Requests join and leave the running batch at every step (continuous batching): a finished one makes room at once, and
none waits for another to end. Completions are those that `generate` of transformers gives for each request alone,
except for the rounding of float sums, which depends on how many rows are computed together.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from llmops_plugins.local.device import Device
from llmops_plugins.local.engine.active_request import ActiveRequest
from llmops_plugins.local.engine.linear import pack_linears
from llmops_plugins.local.engine.model import BatchedModel, RowModel, make_row_model
from llmops_plugins.local.engine.request import GenerationOutcome, GenerationRequest, Rejection
from llmops_plugins.local.engine.sampling import Sampler, choose_tokens
from llmops_plugins.local.engine.scoring import RowPrompt
from llmops_plugins.local.engine.text import RequestRejectedError, TextCodec
from llmops_plugins.local.weights.loading import load_model, load_tokenizer


class Engine:
    """A loaded model. Not thread-safe: one thread owns it.

    Args:
        folder: Weights and tokenizer in Hugging Face format.
        device: Where and in which number format to compute.
        max_batch: The most requests in the running batch.

    Raises:
        AssetError: The folder cannot be loaded.
    """

    def __init__(self, folder: Path, device: Device, *, max_batch: int = 16) -> None:
        tokenizer = load_tokenizer(folder)
        model: Any = load_model(folder, device.dtype).to(device.torch_device)
        self.max_batch = max_batch
        self.context_length = _context_length(model.config, tokenizer)
        self._codec = TextCodec(tokenizer, _end_tokens(model, tokenizer))
        self.kernel = pack_linears(model, device.kernel)
        self._model: RowModel = make_row_model(model, device)
        self.batched = isinstance(self._model, BatchedModel)
        self._waiting: deque[ActiveRequest] = deque()
        # By row; None is a row that became free in the last step.
        self._running: list[ActiveRequest | None] = []

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._waiting and not self._running

    def generate(self, requests: Sequence[GenerationRequest]) -> list[GenerationOutcome]:
        """Complete requests together, and return their outcomes in the same order."""
        submitted = [self.submit(request) for request in requests]
        while not self.idle:
            self.advance()
        return [one if isinstance(one, Rejection) else _outcome(one) for one in submitted]

    def submit(self, request: GenerationRequest) -> ActiveRequest | Rejection:
        """Accept a request; `advance` works on it."""
        try:
            active = self._activate(request)
        except RequestRejectedError as exc:
            return Rejection(str(exc))
        self._waiting.append(active)
        return active

    @torch.inference_mode()
    def advance(self) -> list[ActiveRequest]:
        """Let waiting requests join while there is room, generate one token for each, and return those that are done.

        Cancelled requests leave without being returned. After an exception the engine is empty and usable.
        """
        try:
            self._free_rows()
            done = self._join()
            self._close_gaps()
            if self._running:
                active = [one for one in self._running if one is not None]
                done += self._add_tokens(active, self._model.step([one.tokens[-1] for one in active]))
            self._free_rows()
        except BaseException:
            self._waiting.clear()
            self._running.clear()
            self._model.clear()
            raise
        return done

    def _activate(self, request: GenerationRequest) -> ActiveRequest:
        tokens = self._codec.encode(request.prompt)
        if len(tokens) + request.max_new_tokens > self.context_length:
            message = (
                f"the prompt has {len(tokens)} tokens; with max_new_tokens {request.max_new_tokens} that is more than the "
                f"model's context length of {self.context_length}"
            )
            raise RequestRejectedError(message)
        sampler = Sampler(request.temperature, request.top_p, random.Random(request.seed))  # noqa: S311 - no secret
        return ActiveRequest(request, tokens, self._codec.stop_conditions(request.stop), sampler)

    def _free_rows(self) -> None:
        """Free the rows of requests that are done or cancelled."""
        self._waiting = deque(one for one in self._waiting if not one.cancelled)
        self._running = [
            None if one is None or one.cancelled or one.outcome is not None else one for one in self._running
        ]
        while self._running and self._running[-1] is None:
            self._running.pop()

    def _join(self) -> list[ActiveRequest]:
        """Give rows to waiting requests, free rows first, and compute their prompts."""
        joined: list[tuple[RowPrompt, ActiveRequest]] = []
        while self._waiting and self._has_room(self._waiting[0]):
            active = self._waiting.popleft()
            row = self._running.index(None) if None in self._running else len(self._running)
            self._running[row : row + 1] = [active]
            joined.append((RowPrompt(row, active.prompt, active.request.scores_prompt), active))
        if not joined:
            return []
        prompts = [prompt for prompt, _ in joined]
        prefilled = self._model.prefill(prompts, len(self._running), self._longest_row())
        started = [active for _, active in joined]
        for active, log_probabilities in zip(started, prefilled.log_probabilities, strict=True):
            active.log_probabilities = log_probabilities
        done = self._add_tokens(started, prefilled.logits)
        self._free_rows()
        return done

    def _has_room(self, active: ActiveRequest) -> bool:
        running = sum(one is not None for one in self._running)
        if running == 0:
            return True
        rows = max(running + 1, len(self._running))
        return running < self.max_batch and self._model.fits(rows, max(active.max_tokens, self._longest_row()))

    def _longest_row(self) -> int:
        """Return the most tokens that any row may have to hold."""
        return max((one.max_tokens for one in self._running if one is not None), default=0)

    def _close_gaps(self) -> None:
        """Move the last rows into free ones, so that a step computes no unused row."""
        while None in self._running:
            target = self._running.index(None)
            self._model.move(len(self._running) - 1, target)
            self._running[target] = self._running.pop()
            self._free_rows()

    @staticmethod
    def _add_tokens(active: Sequence[ActiveRequest], logits: torch.Tensor) -> list[ActiveRequest]:
        """Choose the next token of each request, and return the requests that are done."""
        for one, token in zip(active, choose_tokens(logits, [one.sampler for one in active]), strict=True):
            one.add_token(token)
        return [one for one in active if one.outcome is not None]


def _outcome(active: ActiveRequest) -> GenerationOutcome:
    assert active.outcome is not None  # noqa: S101 - the engine is idle
    return active.outcome


def _context_length(config: Any, tokenizer: Any) -> int:
    """Return the longest sequence in tokens: the model's limit, or the tokenizer's if the model has none."""
    text = config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        length = getattr(text, name, None)
        if isinstance(length, int) and length > 0:
            return length
    return int(tokenizer.model_max_length)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return every token that ends a completion, as the generation settings, the model and the tokenizer name them."""
    ends: set[int] = set()
    for owner in (model.generation_config, model.config, tokenizer):
        named = getattr(owner, "eos_token_id", None)
        ends.update([named] if isinstance(named, int) else named or [])
    return frozenset(ends)
