"""Rate limits of an endpoint: requests and tokens in a minute, paced evenly and never in bursts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from llmops_sdk.values.answers import Answer
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import ChatPrompt, Prompt
from llmops_sdk.values.resources import Endpoint

_MINUTE = 60.0
_CHARACTERS_PER_TOKEN = 4
_LONGEST_PAUSE = 0.5


class Rates:
    """The limits of one endpoint, for all threads that ask it.

    After a request, the next one waits for as long as the limits give to one request and to its tokens; time without
    requests gives no credit, so not even a minute after a pause has more than the limit. Tokens are estimated before a
    request, from the prompt's length and from the answers so far, and corrected by what the endpoint counted.

    Args:
        requests_per_minute: The most requests in a minute, or None for no limit.
        tokens_per_minute: The most tokens in a minute, of prompts and answers, or None for no limit.
        clock: The time in seconds.
    """

    def __init__(
        self,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_request = _MINUTE / requests_per_minute if requests_per_minute else 0.0
        self._per_token = _MINUTE / tokens_per_minute if tokens_per_minute else 0.0
        self._clock = clock
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._next_request = self._next_token = float("-inf")
        self._answers, self._answer_tokens = 0, 0

    @classmethod
    def of(cls, endpoint: Endpoint) -> Rates | None:
        """Return the limits of an endpoint, or None where it has none."""
        if endpoint.requests_per_minute is None and endpoint.tokens_per_minute is None:
            return None
        return cls(endpoint.requests_per_minute, endpoint.tokens_per_minute)

    def estimate(self, prompt: Prompt, generation: GenerationOptions) -> int:
        """Return the tokens that a request and its answer will take, about; the longest answer before the first one."""
        text = (
            "".join(str(message.get("content", "")) for message in prompt.messages)
            if isinstance(prompt, ChatPrompt)
            else prompt.text
        )
        with self._lock:
            answer = self._answer_tokens / self._answers if self._answers else generation.max_new_tokens
        return len(text) // _CHARACTERS_PER_TOKEN + round(answer) + 1

    def wait(self, tokens: int, stop: threading.Event) -> bool:
        """Wait for the turn of a request, one thread after another.

        Args:
            tokens: What it will take, about.
            stop: Ends the wait.

        Returns:
            Whether it may be sent: false if `stop` was set.
        """
        with self._turn:
            while not stop.is_set():
                with self._lock:
                    now = self._clock()
                    pause = max(self._next_request, self._next_token) - now
                    if pause <= 0:
                        self._next_request = max(now, self._next_request) + self._per_request
                        self._next_token = max(now, self._next_token) + tokens * self._per_token
                        return True
                stop.wait(min(pause, _LONGEST_PAUSE))
        return False

    def correct(self, estimated: int, answer: Answer) -> None:
        """Replace what was estimated of a request by what the endpoint counted, if it did."""
        if answer.output_tokens is None:
            return
        with self._lock:
            self._answers += 1
            self._answer_tokens += answer.output_tokens
            if answer.prompt_tokens is not None:
                self._next_token += (answer.prompt_tokens + answer.output_tokens - estimated) * self._per_token
