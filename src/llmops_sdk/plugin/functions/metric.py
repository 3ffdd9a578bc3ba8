"""The evaluator that a function marked with `@metric` is."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmops_sdk.errors import PluginError
from llmops_sdk.functions.calls import FAILURES, bind, describe
from llmops_sdk.functions.concurrent import LoopThread
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.functions.options import FunctionOptions
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.values.data import Record, record_label
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.prompts import ChatPrompt, Prompt
from llmops_sdk.values.scores import LEFT_OUT, Metric, RecordScore, Scored, Unscored

_SHOWN = 100
_FLAG_BOUNDS = (0.0, 1.0)


class _NotApplicableError(Exception):
    """A record lacks what the function asks for."""


class FunctionMetric(Evaluator):
    """Scores each answer with the function."""

    options: FunctionOptions

    def __init__(self, options: FunctionOptions) -> None:
        super().__init__(options)
        self._bound = bind(options.function, "metric", options.options)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metric of the decorator's arguments, or those of its `metrics`."""
        settings, name = self._bound.definition.settings, self._bound.definition.name
        if settings["metrics"]:
            return tuple(settings["metrics"])
        bounds = settings["bounds"]
        if bounds is None and _returns(self._bound.definition.function) in (bool, "bool"):
            bounds = _FLAG_BOUNDS
        return (Metric(settings["name"] or name, settings["label"], settings["higher_is_better"], bounds),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Yield the score of each generation, in their order; calls of an `async def` run several at a time."""
        counts = _Failures(self._bound.definition.name)
        results = self._results_async(context, generations) if self._is_async else self._results(context, generations)
        for generation, result in results:
            score = self._score(generation, result)
            if (
                isinstance(score, Unscored)
                and isinstance(result, FAILURES)
                and not isinstance(result, _NotApplicableError)
            ):
                counts.add(score, result)
            yield score
        counts.log(context)

    @property
    def _is_async(self) -> bool:
        return self._bound.definition.is_async

    def _results(self, context: Context, generations: Iterable[Generation]) -> Iterator[tuple[Generation, Any]]:
        for generation in generations:
            try:
                result = self._bound(**self._values(context, generation))
            except FAILURES as exc:
                result = exc
            yield generation, result

    def _results_async(self, context: Context, generations: Iterable[Generation]) -> Iterator[tuple[Generation, Any]]:
        async def call(generation: Generation) -> Any:
            try:
                return await self._bound(**self._values(context, generation))
            except FAILURES as exc:
                return exc

        with LoopThread() as loop:
            yield from loop.map(call, generations, self._bound.definition.settings["concurrency"])

    def _values(self, context: Context, generation: Generation) -> dict[str, Any]:
        """Return what the function may ask for.

        Raises:
            _NotApplicableError: It asks for a reference without a default, and the record has none.
        """
        answer = generation.answer
        values: dict[str, Any] = {
            "output": generation.output,
            "record": generation.record,
            "prompt": _text_of(generation.prompt),
            "answer": answer,
            "tokens": answer.output_tokens,
            "latency": answer.latency,
            "context": context,
        }
        references = _references(generation.record)
        if references:
            return {**values, "reference": references[0], "references": references}
        for name in ("reference", "references"):
            if self._bound.signature.asked.get(name) is False:
                message = f"the record has no reference; to score it, give the parameter a default: {name}=None"
                raise _NotApplicableError(message)
        return values

    def _score(self, generation: Generation, result: Any) -> RecordScore:
        if isinstance(result, _NotApplicableError):
            return Unscored(generation.index, str(result))
        where = record_label(generation.record, generation.index)
        name = self._bound.definition.name
        if isinstance(result, BaseException):
            return Unscored(generation.index, f"metric {name!r} failed for {where}: {describe(result)}")
        if result is None:
            return Unscored(generation.index, f"metric {name!r} returned None: it does not apply to the record")
        metrics = self.metrics
        if not isinstance(result, Mapping):
            if len(metrics) > 1:
                names = ", ".join(metric.name for metric in metrics)
                raise self._refusal(where, f"{_short(result)}, where its metrics=[...] name a dict of: {names}")
            result = {metrics[0].name: result}
        known = {metric.name for metric in metrics}
        unknown = next((key for key in result if key not in known), None)
        if unknown is not None:
            raise self._refusal(
                where,
                f"a value of {unknown!r}, which it does not declare: write @metric(metrics=[Metric({str(unknown)!r}), ...])",
            )
        scores = {key: self._number(value, where) for key, value in result.items() if value is not None}
        if not scores:
            return Unscored(generation.index, f"metric {name!r} returned no value: it does not apply to the record")
        missing = [key for key in known if key not in scores]
        notes = {LEFT_OUT: f"{', '.join(sorted(missing))}: {name!r} returned no value"} if missing else {}
        return Scored(generation.index, scores, notes)

    def _number(self, value: Any, where: str) -> float:
        item = getattr(value, "item", None)  # of numpy and torch
        value = item() if callable(item) and not isinstance(value, (int, float)) else value
        if isinstance(value, (bool, int, float)):
            return float(value)
        raise self._refusal(where, f"{_short(value)}: it must be a number, true or false, a dict of them, or None")

    def _refusal(self, where: str, problem: str) -> PluginError:
        return PluginError(f"metric {self._bound.definition.name!r} returned for {where} {problem}")


class _Failures:
    """The records that a function raised for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self._first: tuple[str, BaseException] | None = None

    def add(self, score: Unscored, error: BaseException) -> None:
        self._number += 1
        self._first = self._first or (score.error, error)

    def log(self, context: Context) -> None:
        """Report their number and the first one, and log the lines that led to it."""
        if self._first is not None:
            reason, error = self._first
            answers = "1 answer" if self._number == 1 else f"{self._number} answers"
            context.progress.log(f"warning: {answers} without a score of {self._name!r}; the first: {reason}")
            context.log.warning("%s", reason, exc_info=error)


def _returns(function: Any) -> Any:
    return inspect.signature(function).return_annotation


def _references(record: Record) -> list[str]:
    several, first = record.get("references"), record.get("response")
    if isinstance(several, list) and several:
        return several
    return [] if first is None else [first]


def _text_of(prompt: Prompt) -> str:
    if isinstance(prompt, ChatPrompt):
        return "\n\n".join(f"{message['role']}: {message['content']}" for message in prompt.messages)
    return prompt.text


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
