"""Calls of `async def` functions: several at a time, on an event loop of their own."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, TimeoutError as FutureTimeoutError
from types import TracebackType
from typing import Any, TypeVar

from typing_extensions import Self

T = TypeVar("T")
R = TypeVar("R")

_Outcome = tuple[R | None, BaseException | None]

_GRACE_SECONDS = 5.0


class LoopThread:
    """An event loop in a thread of its own: the caller's thread may have one already, as in a notebook."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="llmops-loop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what still runs, and end the loop."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            cancelled = asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop)
            try:
                cancelled.result(_GRACE_SECONDS)
            except FutureTimeoutError:  # it does not let itself be cancelled: it ends with the process
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_GRACE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Return what a coroutine returns; may be called from several threads."""
        return _value(self._start(coroutine))

    def map(
        self, call: Callable[[T], Coroutine[Any, Any, R]], items: Iterable[T], concurrency: int
    ) -> Iterator[tuple[T, R]]:
        """Yield each item with what its call returns, in their order.

        Args:
            call: Makes the coroutine of an item.
            items: The items; at most `concurrency` of them are taken ahead.
            concurrency: How many calls run at a time.
        """
        running: deque[tuple[T, Future[_Outcome[R]]]] = deque()
        for item in items:
            running.append((item, self._start(call(item))))
            if len(running) >= concurrency:
                first, future = running.popleft()
                yield first, _value(future)
        for item, future in running:
            yield item, _value(future)

    def _start(self, coroutine: Coroutine[Any, Any, R]) -> Future[_Outcome[R]]:
        return asyncio.run_coroutine_threadsafe(_outcome(coroutine), self._loop)


async def _outcome(coroutine: Coroutine[Any, Any, R]) -> _Outcome[R]:
    """Return what a coroutine returns or with what it would end the program, which would end the loop and answer nobody."""
    try:
        return await coroutine, None
    except (SystemExit, KeyboardInterrupt) as exc:
        return None, exc


def _value(future: Future[_Outcome[R]]) -> R:
    value, error = future.result()
    if error is not None:
        raise error
    return value  # type: ignore[return-value] # None only if the coroutine returned it


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
