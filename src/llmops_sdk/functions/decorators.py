"""`@metric`, `@dataset`, `@prompt` and `@target`: they mark a function of the user's own file, and leave it as it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from llmops_sdk.errors import SpecError
from llmops_sdk.functions.definition import MARK, Definition
from llmops_sdk.values.functions import FunctionKind
from llmops_sdk.values.scores import Metric

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]


@overload
def metric(function: F, /) -> F: ...
@overload
def metric(
    *,
    name: str = ...,
    label: str = ...,
    higher_is_better: bool | None = ...,
    bounds: tuple[float, float] | None = ...,
    metrics: Sequence[Metric] = ...,
    concurrency: int = ...,
) -> Callable[[F], F]: ...
def metric(
    function: F | None = None,
    /,
    *,
    name: str = "",
    label: str = "",
    higher_is_better: bool | None = True,
    bounds: tuple[float, float] | None = None,
    metrics: Sequence[Metric] = (),
    concurrency: int = 8,
) -> F | Callable[[F], F]:
    """Mark a function as a metric: it scores one answer.

    It asks by the names of its parameters for any of `output`, `reference`, `references`, `record`, `prompt`, `answer`,
    `tokens`, `latency` and `context`, and returns a number, true or false, a dict of them, or None where the record has no
    value. Keyword-only parameters are its options.

    >>> @metric(higher_is_better=False)
    ... def brevity(output: str, *, words_at_most: int = 50) -> float:
    ...     return max(0, len(output.split()) - words_at_most)
    >>> brevity("Quite short.", words_at_most=1)
    1

    Args:
        function: The function, where the decorator has no arguments.
        name: The metric's name; by default the function's.
        label: As people read it; by default the name.
        higher_is_better: Which end wins; None where neither does.
        bounds: The smallest and the largest value; 0 and 1 by default where the function is annotated with `-> bool`.
        metrics: The metrics of a function that returns a dict, in place of the four arguments before.
        concurrency: How many calls of an `async def` run at a time.

    Raises:
        SpecError: The arguments contradict each other.
    """
    if metrics and (name or label or bounds is not None or higher_is_better is not True):
        message = "@metric has metrics=[...]: their names, labels, directions and bounds stand there, not beside it"
        raise SpecError(message)
    _check_concurrency(concurrency)
    settings = {
        "name": name, "label": label, "higher_is_better": higher_is_better, "bounds": bounds, "metrics": tuple(metrics),
        "concurrency": concurrency,
    }  # fmt: skip
    return _mark("metric", function, settings)


@overload
def dataset(function: F, /) -> F: ...
@overload
def dataset() -> Callable[[F], F]: ...
def dataset(function: F | None = None, /) -> F | Callable[[F], F]:
    """Mark a function as a dataset: it returns, or yields, a mapping for each record.

    A mapping has `instruction`, `context` and `response`, or chat `messages`, or another of the known shapes of rows, and
    any further fields. Keyword-only parameters are its options; the options of a split (`test_fraction`, `seed`, `group`,
    ...) are added to them. The same options must give the same records.

    >>> @dataset
    ... def tickets(*, limit: int = 2):
    ...     for number in range(limit):
    ...         yield {"instruction": f"Summarize ticket {number}.", "response": "Done."}

    Args:
        function: The function, where the decorator has no brackets.
    """
    return _mark("dataset", function, {})


@overload
def prompt(function: F, /) -> F: ...
@overload
def prompt(*, response_key: str = ..., completion: str = ..., stop: Sequence[str] = ...) -> Callable[[F], F]: ...
def prompt(
    function: F | None = None,
    /,
    *,
    response_key: str = "",
    completion: str = "{response}",
    stop: Sequence[str] = (),
) -> F | Callable[[F], F]:
    """Mark a function as a prompt: it returns what a record is asked, a text or a list of chat messages.

    Keyword-only parameters are its options. The same record must give the same prompt.

    >>> @prompt
    ... def terse(record):
    ...     return f"In one sentence: {record['instruction']}"

    Args:
        function: The function, where the decorator has no arguments.
        response_key: What stands between a text and its answer.
        completion: The answer that a model is trained on, with the fields of the record in braces.
        stop: Texts at which an answer ends.

    Raises:
        SpecError: `stop` is a text, not a list of texts.
    """
    if isinstance(stop, str):
        message = f"@prompt: stop is a list of texts: stop=[{stop!r}]"
        raise SpecError(message)
    return _mark("prompt", function, {"response_key": response_key, "completion": completion, "stop": tuple(stop)})


@overload
def target(function: F, /) -> F: ...
@overload
def target(*, concurrency: int = ...) -> Callable[[F], F]: ...
def target(function: F | None = None, /, *, concurrency: int = 4) -> F | Callable[[F], F]:
    """Mark a function as a target: it answers one prompt, in place of a model.

    It asks by the names of its parameters for any of `prompt` (a text, or a list of messages where the prompt is a chat),
    `options` (the generation options, a mapping), `record` and `generation` (the same options as an object), and returns
    the answer's text or an `Answer`. What it raises is a failed request. Other keyword-only parameters are its options.

    >>> @target
    ... def echo(prompt, *, options):
    ...     return prompt[: options["max_new_tokens"]]

    Args:
        function: The function, where the decorator has no arguments.
        concurrency: How many requests run at a time, unless the model's option `concurrency` says otherwise.

    Raises:
        SpecError: `concurrency` is no positive number.
    """
    _check_concurrency(concurrency)
    return _mark("target", function, {"concurrency": concurrency})


def _mark(kind: FunctionKind, function: F | None, settings: Mapping[str, Any]) -> F | Callable[[F], F]:
    def decorate(decorated: F) -> F:
        if not inspect.isfunction(decorated):
            message = f"@{kind} marks a plain function, not {decorated!r}"
            raise SpecError(message)
        if kind in ("dataset", "prompt") and (
            inspect.iscoroutinefunction(decorated) or inspect.isasyncgenfunction(decorated)
        ):
            message = f"@{kind} marks a plain function, and {decorated.__name__!r} is an async def: only metrics and targets may be"
            raise SpecError(message)
        setattr(decorated, MARK, Definition(kind, decorated, settings))
        return decorated

    return decorate if function is None else decorate(function)


def _check_concurrency(concurrency: int) -> None:
    if type(concurrency) is not int or concurrency < 1:
        message = f"concurrency is a number of calls, at least 1, not {concurrency!r}"
        raise SpecError(message)
