"""Metrics that are functions: what they get, what they may return, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Metric, PluginError, Progress
from llmops_sdk.plugin import Context, Generation, Scored, Unscored
from llmops_sdk.plugin.functions.metric import FunctionMetric
from llmops_sdk.plugin.functions.options import FunctionOptions
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.functions import Function
from llmops_sdk.values.prompts import ChatPrompt, TextPrompt

HEAD = "from llmops_sdk import Metric, metric\n"


class Kept(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def log(self, message: str) -> None:
        self.lines.append(message)


def evaluator(text: str, **options: Any) -> FunctionMetric:
    """Return the function `f` of a file as an evaluator."""
    return FunctionMetric(
        FunctionOptions(function=Function("mine.py", "f", "", {"mine.py": HEAD + text}), options=options)
    )


def generations(*outputs: str, **record: Any) -> Iterator[Generation]:
    for index, output in enumerate(outputs):
        values = {"instruction": f"question {index}", "response": "right", **record}
        yield Generation(index, values, TextPrompt("asked"), Answer(output, output_tokens=2, latency=0.5))


def scores(text: str, *outputs: str, progress: Progress | None = None, **record: Any) -> list[Any]:
    context = Context(folder=Path(), home=Path(), progress=progress or Progress())
    return list(evaluator(text).evaluate(context, generations(*outputs, **record)))


def test_it_gets_what_it_asks_for() -> None:
    """The output, references, the record, the prompt as text, the answer with its tokens and latency, and the context."""
    text = """
@metric(metrics=[Metric("a"), Metric("b"), Metric("c"), Metric("d")])
def f(output, reference, references, record, prompt, answer, tokens, latency, context):
    assert answer.output == output and context.offline and record["instruction"] == "question 0"
    return {"a": output == reference, "b": len(references), "c": prompt == "asked", "d": tokens * latency}
"""
    assert [Scored(0, {"a": 1.0, "b": 2.0, "c": 1.0, "d": 1.0})] == scores(text, "right", references=["right", "too"])


def test_a_chat_is_given_as_text() -> None:
    """With the role before each message."""
    chat = ChatPrompt(({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Who?"}))
    text = "@metric\ndef f(prompt):\n    return prompt == 'system: Be kind.\\n\\nuser: Who?'\n"
    asked = Generation(0, {"instruction": "Who?"}, chat, Answer("Ada"))

    (score,) = evaluator(text).evaluate(Context(folder=Path(), home=Path()), [asked])

    assert Scored(0, {"f": 1.0}) == score


def test_the_metric_is_what_the_decorator_states() -> None:
    """By default it has the function's name; a flag has the bounds 0 and 1."""
    assert (Metric("f"),) == evaluator("@metric\ndef f(output): ...\n").metrics
    assert (Metric("f", bounds=(0, 1)),) == evaluator("@metric\ndef f(output) -> bool: ...\n").metrics
    stated = "@metric(name='n', label='L', higher_is_better=False, bounds=(0, 9))\ndef f(output): ...\n"
    assert (Metric("n", "L", higher_is_better=False, bounds=(0, 9)),) == evaluator(stated).metrics
    several = "@metric(metrics=[Metric('a'), Metric('b', higher_is_better=None)])\ndef f(output): ...\n"
    assert ["a", "b"] == [metric.name for metric in evaluator(several).metrics]


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("3", Scored(0, {"f": 3.0})),
        ("True", Scored(0, {"f": 1.0})),
        ("__import__('numpy').float32(0.5)", Scored(0, {"f": 0.5})),
        ("{'f': 2}", Scored(0, {"f": 2.0})),
        ("None", Unscored(0, "metric 'f' returned None: it does not apply to the record")),
        ("{'f': None}", Unscored(0, "metric 'f' returned no value: it does not apply to the record")),
    ],
)
def test_it_returns_a_number_a_flag_a_dict_or_nothing(returned: str, expected: Any) -> None:
    """None leaves the record out for all candidates."""
    assert [expected] == scores(f"@metric\ndef f(output):\n    return {returned}\n", "x")


def test_a_metric_of_several_may_be_left_out() -> None:
    """The record keeps the others, and the reason."""
    text = "@metric(metrics=[Metric('a'), Metric('b')])\ndef f(output):\n    return {'a': 1, 'b': None}\n"

    assert [Scored(0, {"a": 1.0}, {"left_out": "b: 'f' returned no value"})] == scores(text, "x")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (
            "'good'",
            r"metric 'f' returned for record 0 \('question 0'\) 'good': it must be a number, true or false, a dict",
        ),
        ("{'other': 1}", r"returned for record 0 \('question 0'\) a value of 'other', which it does not declare"),
        ("[1]", r"returned for record 0 .* \[1\]: it must be a number"),
    ],
)
def test_what_is_no_score_is_refused_with_the_record(returned: str, message: str) -> None:
    """A mistake in the function fails the step; nothing is guessed."""
    with pytest.raises(PluginError, match=message):
        scores(f"@metric\ndef f(output):\n    return {returned}\n", "x")


def test_a_number_of_several_metrics_is_refused() -> None:
    """Which one would it be?"""
    with pytest.raises(PluginError, match=r"3, where its metrics=.* name a dict of: a, b"):
        scores("@metric(metrics=[Metric('a'), Metric('b')])\ndef f(output):\n    return 3\n", "x")


def test_a_failure_leaves_the_record_unscored_and_is_counted() -> None:
    """With the record, and the file and line of the user; the others are scored."""
    progress = Kept()
    text = "@metric\ndef f(output):\n    return 1 / len(output)\n"
    reason = "metric 'f' failed for record 1 ('question 1'): ZeroDivisionError: division by zero (mine.py:4)"

    results = scores(text, "a", "", "b", "", progress=progress)

    assert [Scored(0, {"f": 1.0}), Unscored(1, reason), Scored(2, {"f": 1.0})] == results[:3]
    assert [f"warning: 2 answers without a score of 'f'; the first: {reason}"] == progress.lines


def test_a_record_without_a_reference_is_left_out() -> None:
    """Unless the parameter has a default."""
    text = "@metric\ndef f(output, reference{}):\n    return reference is None\n"

    (score,) = scores(text.format(""), "x", response=None)
    assert isinstance(score, Unscored)
    assert "the record has no reference" in score.error
    assert [Scored(0, {"f": 1.0})] == scores(text.format("=None"), "x", response=None)


def test_async_functions_run_several_at_a_time_in_order() -> None:
    """Their failures are counted alike."""
    text = """
import asyncio
running = most = 0
@metric(concurrency=3, metrics=[Metric("f"), Metric("most")])
async def f(output):
    global running, most
    running += 1
    most = max(most, running)
    await asyncio.sleep(0.002 if output == "slow" else 0.001)
    running -= 1
    if output == "bad":
        raise ValueError("no")
    return {"f": len(output), "most": most}
"""
    progress = Kept()

    results = scores(text, "slow", "abc", "bad", "x", "yy", progress=progress)

    assert [0, 1, 2, 3, 4] == [score.index for score in results]
    assert [4.0, 3.0, None, 1.0, 2.0] == [getattr(score, "scores", {}).get("f") for score in results]
    assert 3.0 == results[-1].scores["most"]
    assert "1 answer without a score" in progress.lines[0]


def test_scores_stream() -> None:
    """A score is yielded before the next generation is taken: memory does not grow with the records."""
    taken: list[int] = []

    def watched() -> Iterator[Generation]:
        for generation in generations("a", "b", "c"):
            taken.append(generation.index)
            yield generation

    stream = evaluator("@metric\ndef f(output):\n    return 1\n").evaluate(
        Context(folder=Path(), home=Path()), watched()
    )
    next(stream)

    assert [0] == taken
