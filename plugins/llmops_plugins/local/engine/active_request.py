"""The state of a request while the engine works on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from llmops_plugins.local.engine.request import Completion, GenerationOutcome, GenerationRequest, Rejection, ScoredToken
from llmops_plugins.local.engine.sampling import Sampler
from llmops_plugins.local.engine.scoring import TokenScore
from llmops_plugins.local.engine.text import StopConditions


@attrs.define(eq=False)
class ActiveRequest:
    """A request that waits for a row of the batch or is in one.

    Attributes:
        request: The request as it was submitted.
        prompt: The prompt's tokens.
        max_new_tokens: The most tokens to generate.
        stops: Where the completion ends.
        sampler: How its tokens are chosen.
        prompt_scores: Of the prompt's tokens after the first, if they were asked for.
        tokens: Generated so far.
        scores: Of the generated tokens, if they were asked for.
        outcome: None until it is done.
        cancelled: Set, from any thread, when nobody waits for the outcome any more.
    """

    request: GenerationRequest
    prompt: list[int]
    max_new_tokens: int
    stops: StopConditions
    sampler: Sampler
    prompt_scores: list[TokenScore] = attrs.field(factory=list)
    tokens: list[int] = attrs.field(factory=list)
    scores: list[TokenScore] = attrs.field(factory=list)
    outcome: GenerationOutcome | None = None
    cancelled: bool = False

    @property
    def max_tokens(self) -> int:
        """The most tokens its row may have to hold."""
        return len(self.prompt) + self.max_new_tokens

    def start(self, prompt_scores: list[TokenScore]) -> None:
        """Take what was computed for the prompt; of a request that only scores it, set the outcome."""
        self.prompt_scores = prompt_scores
        if not all(math.isfinite(score.log_probability) for score in prompt_scores):
            self._reject()
        elif self.max_new_tokens == 0:
            self._complete("length")

    def add_token(self, token: int | None, score: TokenScore | None = None) -> None:
        """Add a generated token, and set the outcome if it is the last one.

        Args:
            token: The token; None stands for logits that are not finite.
            score: How likely it was, if that was asked for.
        """
        if token is None:
            self._reject()
            return
        self.tokens.append(token)
        if score is not None:
            self.scores.append(score)
        if self.stops.reached(self.tokens):
            self._complete("stop")
        elif len(self.tokens) == self.max_new_tokens:
            self._complete("length")

    def scored_tokens(self, start: int) -> tuple[ScoredToken, ...]:
        """Return the generated tokens from an index on, if they are scored."""
        return self._scored(self.tokens[start:], self.scores[start:]) if self.request.scores_tokens else ()

    def _complete(self, finish_reason: str) -> None:
        request, codec = self.request, self.stops.codec
        self.outcome = Completion(
            text=self.stops.completion(self.tokens),
            finish_reason=finish_reason,
            prompt_tokens=len(self.prompt),
            output_tokens=len(self.tokens),
            prompt_text=codec.prompt_text(request.prompt) if request.return_full_text else "",
            prompt=self._scored(self.prompt, [None, *self.prompt_scores]) if request.scores_prompt else (),
            tokens=self.scored_tokens(0),
        )

    def _reject(self) -> None:
        reason = "the model computes no finite numbers: its weights are broken, or it needs float32"
        self.outcome = Rejection(reason, fault="model")

    def _scored(self, tokens: Sequence[int], scores: Sequence[TokenScore | None]) -> tuple[ScoredToken, ...]:
        return tuple(map(self.stops.codec.vocabulary.scored, tokens, scores))
