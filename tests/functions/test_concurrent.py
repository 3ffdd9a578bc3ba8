"""Calls of `async def` functions, several at a time."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmops_sdk.functions.concurrent import LoopThread


def test_results_come_in_order_and_few_items_are_taken_ahead() -> None:
    """At most `concurrency` calls run at a time, although later ones end first."""
    running, most, taken = 0, 0, []

    async def call(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (5 - number % 5))
        running -= 1
        return number * 2

    def numbers() -> object:
        for number in range(10):
            taken.append(number)
            yield number

    with LoopThread() as loop:
        results = loop.map(call, numbers(), 3)  # type: ignore[arg-type]
        first = next(results)
        assert (0, 0) == first
        assert 3 == len(taken)
        assert [(number, number * 2) for number in range(1, 10)] == list(results)
    assert 3 == most


def test_it_works_inside_of_a_running_loop() -> None:
    """As in a notebook, whose cells run in one."""

    async def double(number: int) -> int:
        return number * 2

    async def cell() -> int:
        with LoopThread() as loop:
            return loop.run(double(4))

    # In a thread of its own: in that of the tests, a browser's loop may be running.
    with ThreadPoolExecutor(1) as pool:
        assert 8 == pool.submit(asyncio.run, cell()).result()


def test_the_end_cancels_what_still_runs() -> None:
    """After Ctrl-C nothing is left: no thread and no call."""
    cancelled = []

    async def wait(number: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    def numbers() -> object:
        yield 1
        raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt), LoopThread() as loop:
        list(loop.map(wait, numbers(), 3))  # type: ignore[arg-type]

    assert [1] == cancelled
    assert set(threading.enumerate()) <= before  # those of other tests may end meanwhile


def test_a_call_that_ends_the_program_ends_its_caller() -> None:
    """`sys.exit()` in a call is raised where it was called from, and the loop answers the next one."""

    async def leave() -> int:
        raise SystemExit(3)

    async def stay() -> int:
        return 1

    with LoopThread() as loop:
        with pytest.raises(SystemExit):
            loop.run(leave())
        assert 1 == loop.run(stay())
