"""An endpoint that ends the client of a run in the middle of its questions."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable


class KillingAnswers:
    """Answers prompts, and sends a signal to the client while it holds the prompt of a given number.

    Attributes:
        client: The process to end, once it is started.
        started: Set when it is; nothing is answered before.
        asked: The prompts, in the order of their arrival.
    """

    def __init__(self, number: int, at: int, answer: Callable[[str], str] = str.upper) -> None:
        self.client: subprocess.Popen[str] | None = None
        self.started = threading.Event()
        self.asked: list[str] = []
        self._number, self._at, self._answer = number, at, answer
        self._lock = threading.Lock()

    def __call__(self, prompt: str) -> str:
        self.started.wait()
        with self._lock:
            self.asked.append(prompt)
            if len(self.asked) == self._at and self.client is not None:
                self.client.send_signal(self._number)
                if self._number == signal.SIGKILL:
                    self.client.wait()
        return self._answer(prompt)
