"""Rate limits: requests and tokens are paced, in whatever way threads ask."""

from __future__ import annotations

import threading
import time

import attrs
import pytest

from llmops_sdk.steps.client.rates import Rates
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.generation_options import GenerationOptions
from llmops_sdk.values.prompts import ChatPrompt, TextPrompt
from llmops_sdk.values.resources import Endpoint


@attrs.define
class Clock(threading.Event):
    """A time that passes only while somebody waits for it."""

    now: float = 100.0

    def __attrs_post_init__(self) -> None:
        super().__init__()

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


def test_an_endpoint_without_limits_has_no_rates() -> None:
    """Each of the two alone is a limit."""
    assert Rates.of(Endpoint("e")) is None
    assert Rates.of(Endpoint("e", requests_per_minute=60)) is not None
    assert Rates.of(Endpoint("e", tokens_per_minute=60)) is not None


def test_requests_are_paced_evenly() -> None:
    """At 120 a minute, one each half second; a pause gives no credit for a burst."""
    clock = Clock()
    rates = Rates(120, None, clock=clock)
    times = []
    for pause in (0, 0, 0, 10, 0):
        clock.now += pause
        assert rates.wait(1, clock)
        times.append(clock.now - 100)
    assert [0.0, 0.5, 1.0, 11.0, 11.5] == pytest.approx(times)


def test_tokens_are_paced_by_what_was_counted() -> None:
    """At 600 a minute, a request of 100 tokens takes ten seconds; one that took 40 gives six of them back."""
    clock = Clock()
    rates = Rates(None, 600, clock=clock)
    assert rates.wait(100, clock)
    rates.correct(100, Answer("a", prompt_tokens=30, output_tokens=10))
    assert rates.wait(100, clock)
    assert 104.0 == pytest.approx(clock.now)
    rates.correct(100, Answer("a", prompt_tokens=150, output_tokens=50))
    assert rates.wait(1, clock)
    assert 124.0 == pytest.approx(clock.now)


def test_tokens_are_estimated_from_the_answers_so_far() -> None:
    """The longest answer before the first one; the prompt by its characters."""
    rates, generation = Rates(None, 600), GenerationOptions(max_new_tokens=1000)
    assert 1011 == rates.estimate(TextPrompt("a" * 40), generation)
    rates.correct(0, Answer("a", output_tokens=20))
    rates.correct(0, Answer("a", output_tokens=40))
    rates.correct(0, Answer("not counted"))
    assert 41 == rates.estimate(ChatPrompt(({"role": "user", "content": "a" * 40},)), generation)


def test_a_wait_ends_when_the_run_is_stopped() -> None:
    """At once, in all threads, although the next turn is an hour away."""
    rates, stop, allowed = Rates(1 / 60, None), threading.Event(), []
    assert rates.wait(1, stop)
    threads = [threading.Thread(target=lambda: allowed.append(rates.wait(1, stop))) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join(5)
    assert [False] * 3 == allowed
