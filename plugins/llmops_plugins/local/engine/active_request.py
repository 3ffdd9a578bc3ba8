"""The state of a request while the engine works on it."""

from __future__ import annotations

import math

import attrs

from llmops_plugins.local.engine.request import Completion, GenerationOutcome, GenerationRequest, PromptToken, Rejection
from llmops_plugins.local.engine.sampling import Sampler
from llmops_plugins.local.engine.text import StopConditions


@attrs.define(eq=False)
class ActiveRequest:
    """A request that waits for a row of the batch or is in one.

    Attributes:
        request: The request as it was submitted.
        prompt: The prompt's tokens.
        stops: Where the completion ends.
        sampler: How its tokens are chosen.
        log_probabilities: Of the prompt's tokens after the first, if they were asked for.
        tokens: Generated so far.
        outcome: None until it is done.
        cancelled: Set, from any thread, when nobody waits for the outcome any more.
    """

    request: GenerationRequest
    prompt: list[int]
    stops: StopConditions
    sampler: Sampler
    log_probabilities: list[float] = attrs.field(factory=list)
    tokens: list[int] = attrs.field(factory=list)
    outcome: GenerationOutcome | None = None
    cancelled: bool = False

    @property
    def max_tokens(self) -> int:
        """The most tokens its row may have to hold."""
        return len(self.prompt) + self.request.max_new_tokens

    def add_token(self, token: int | None) -> None:
        """Add a generated token, and set the outcome if it is the last one. None stands for logits that are not finite."""
        if token is None or not all(map(math.isfinite, self.log_probabilities)):
            reason = "the model computes no finite numbers: its weights are broken, or it needs float32"
            self.outcome = Rejection(reason, fault="model")
            return
        self.tokens.append(token)
        stopped = self.stops.reached(self.tokens)
        if stopped or len(self.tokens) == self.request.max_new_tokens:
            text = self.stops.completion(self.tokens)
            full = isinstance(self.request.prompt, str) and self.request.return_full_text
            self.outcome = Completion(
                text=f"{self.request.prompt}{text}" if full else text,
                finish_reason="stop" if stopped else "length",
                prompt_tokens=len(self.prompt),
                output_tokens=len(self.tokens),
                prompt=self._scored_prompt() if self.request.scores_prompt else (),
            )

    def _scored_prompt(self) -> tuple[PromptToken, ...]:
        texts = self.stops.codec.decode_each(self.prompt)
        return tuple(map(PromptToken, self.prompt, texts, [None, *self.log_probabilities]))
