"""Completes many requests at a time with a causal language model of transformers.

Requests join and leave the running batch at every step (continuous batching): a finished one makes room at once, and
none waits for another to end. Completions are those that `generate` of transformers gives for each request alone,
except for the rounding of float sums, which depends on how many rows are computed together.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from llmops_plugins.local.device import OPENVINO, TORCH, Device
from llmops_plugins.local.engine.active_request import ActiveRequest
from llmops_plugins.local.engine.attention import UnsupportedModelError
from llmops_plugins.local.engine.memory import check_memory
from llmops_plugins.local.engine.model import RowModel, make_openvino_model, make_row_model, vocabulary_size
from llmops_plugins.local.engine.request import GenerationOutcome, GenerationRequest, Rejection, TokenPrompt
from llmops_plugins.local.engine.sampling import Sampler, choose_tokens
from llmops_plugins.local.engine.scoring import RowPrompt, TokenScore, score_tokens
from llmops_plugins.local.engine.text import RequestRejectedError, TextCodec
from llmops_plugins.local.weights.loading import load_model, load_tokenizer
from llmops_sdk.plugin import serving_details

_log = logging.getLogger(__name__)

# What a request without a limit generates at most: a row reserves memory for all of them.
_OPEN_ENDED_TOKENS = 1024


class Engine:
    """A loaded model. Not thread-safe: one thread owns it.

    Args:
        folder: Weights and tokenizer in Hugging Face format.
        device: Where and in which number format to compute.
        max_batch: The most requests in the running batch.

    Attributes:
        batching: `continuous`, or `none` with the reason: the model's architecture does not allow it.
        details: What often makes the same weights answer differently; see `serving_details`.
        name: `openvino` or `torch`: what computes the model.
        fallback: Why it is not OpenVINO, if the device asks for that.

    Raises:
        AssetError: The folder cannot be loaded, or needs more memory than is free.
    """

    def __init__(self, folder: Path, device: Device, *, max_batch: int = 16) -> None:
        if device.kind == "cpu":
            check_memory(folder, device)
        tokenizer = load_tokenizer(folder)
        model: Any = load_model(folder, "float32" if device.engine == OPENVINO else device.dtype)
        self.max_batch = max_batch
        self.context_length = _context_length(model.config, tokenizer)
        self.details = serving_details_of(tokenizer, self.context_length, device.dtype)
        self._codec = TextCodec(tokenizer, _end_tokens(model, tokenizer))
        self._vocabulary_size = vocabulary_size(model)
        self.name = device.engine
        self.fallback = ""
        self._model = self._make_row_model(folder, model, device)
        self.batching = self._model.batching
        self._waiting: deque[ActiveRequest] = deque()
        # By row; None is a row that became free in the last step.
        self._running: list[ActiveRequest | None] = []

    def _make_row_model(self, folder: Path, model: Any, device: Device) -> RowModel:
        if device.engine == OPENVINO:
            try:
                return make_openvino_model(model, device)
            except UnsupportedModelError as exc:
                self.name, self.fallback = TORCH, str(exc)
                _log.warning("torch computes this model, not OpenVINO: %s", exc)
        return make_row_model(model.to(device.torch_device), device)

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
            return Rejection(str(exc), code=exc.code)
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
        if isinstance(request.prompt, TokenPrompt) and max(tokens) >= self._vocabulary_size:
            message = f"the prompt has the token {max(tokens)}, but the model's vocabulary has {self._vocabulary_size}"
            raise RequestRejectedError(message)
        room = self.context_length - len(tokens)
        limit = request.max_new_tokens
        if limit is None:
            limit = max(1, min(room, _OPEN_ENDED_TOKENS))
        if limit > room:
            message = (
                f"the prompt has {len(tokens)} tokens; with max_new_tokens {limit} that is more than the model's context "
                f"length of {self.context_length}"
            )
            raise RequestRejectedError(message, code="context_length_exceeded")
        sampler = Sampler(request.temperature, request.top_p, random.Random(request.seed))  # noqa: S311 - no secret
        return ActiveRequest(request, tokens, limit, self._codec.stop_conditions(request.stop), sampler)

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
            request = active.request
            joined.append((RowPrompt(row, active.prompt, request.scores_prompt, request.alternatives), active))
        if not joined:
            return []
        prompts = [prompt for prompt, _ in joined]
        prefilled = self._model.prefill(prompts, len(self._running), self._longest_row())
        for (_, active), scores in zip(joined, prefilled.scores, strict=True):
            active.start(scores)
        done = [active for _, active in joined if active.outcome is not None]
        started = [index for index, (_, active) in enumerate(joined) if active.outcome is None]
        if started:
            done += self._add_tokens([joined[index][1] for index in started], prefilled.logits[started])
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
        tokens = choose_tokens(logits, [one.sampler for one in active])
        scores = _scores(active, logits, tokens)
        for index, (one, token) in enumerate(zip(active, tokens, strict=True)):
            one.add_token(token, scores.get(index))
        return [one for one in active if one.outcome is not None]


def _scores(
    active: Sequence[ActiveRequest], logits: torch.Tensor, tokens: Sequence[int | None]
) -> dict[int, TokenScore]:
    """Return how likely the chosen tokens are, by the index of their requests, for those that asked for it."""
    chosen = {
        index: token
        for index, (one, token) in enumerate(zip(active, tokens, strict=True))
        if one.request.scores_tokens and token is not None
    }
    if not chosen:
        return {}
    rows = list(chosen)
    alternatives = [active[row].request.alternatives for row in rows]
    return dict(zip(rows, score_tokens(logits[rows], list(chosen.values()), alternatives), strict=True))


def _outcome(active: ActiveRequest) -> GenerationOutcome:
    assert active.outcome is not None  # noqa: S101 - the engine is idle
    return active.outcome


def serving_details_of(tokenizer: Any, context_length: int, number_format: str) -> dict[str, str]:
    """Return what decides about answers besides the weights."""
    template = tokenizer.chat_template
    if isinstance(template, dict):  # several, of which an ordinary chat uses this one
        template = template.get("default")
    return serving_details(
        chat_template=template or "",
        bos=tokenizer.bos_token or "",
        eos=tokenizer.eos_token or "",
        context_length=context_length,
        number_format=number_format,
    )


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
