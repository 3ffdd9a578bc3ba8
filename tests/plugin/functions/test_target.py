"""Targets that are functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import EndpointError, SpecError
from llmops_sdk.plugin import Context, Pending, RequestError, Transport
from llmops_sdk.plugin.functions.options import FORMAT, TargetOptions
from llmops_sdk.plugin.functions.target import FunctionTarget
from llmops_sdk.steps.client.client import Question, ask
from llmops_sdk.values.answers import Answered, Outcome
from llmops_sdk.values.functions import Function
from llmops_sdk.values.generation_options import GenerationOptions, vary
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.prompts import ChatPrompt, Prompt, TextPrompt

HEAD = "from llmops_sdk import Answer, target\n"
CONTEXT = Context(folder=Path(), home=Path())
GENERATION = GenerationOptions(max_new_tokens=7)


def deployer(text: str, **options: Any) -> FunctionTarget:
    """Return the function `f` of a file as a deployer."""
    return FunctionTarget(TargetOptions(function=Function("mine.py", "f", "c0de", {"mine.py": HEAD + text}), **options))


def transport(text: str, **options: Any) -> Transport:
    made = deployer(text, options=options)
    return made.connect(CONTEXT, made.deploy(CONTEXT, BaseModel(FORMAT, "mine.py:f")))


def asked(text: str, prompt: Prompt | None = None) -> Outcome:
    """Ask one question as the core's client does."""
    question = Question(0, prompt or TextPrompt("Who?"), record={"id": 3})
    (outcome,) = ask(transport(text), iter([question]), GENERATION, concurrency=1)
    return outcome


def test_it_gets_the_prompt_and_what_else_it_asks_for() -> None:
    """A text stays a text; options are a mapping; the record and the options as an object come by name."""
    text = """
@target
def f(prompt, *, options, record, generation, suffix: str = "!"):
    assert generation.max_new_tokens == options["max_new_tokens"] == 7 and "repeats" not in options
    return f"{prompt} {record['id']}{suffix}"
"""
    outcome = asked(text)

    assert isinstance(outcome, Answered), outcome
    assert "Who? 3!" == outcome.answer.output
    assert outcome.answer.latency is not None


def test_a_chat_is_a_list_of_messages() -> None:
    """As the prompt has them; an `Answer` may have tokens and a cost."""
    text = "@target\nasync def f(prompt):\n    return Answer(prompt[-1]['content'], output_tokens=2, cost=0.1)\n"
    outcome = asked(text, ChatPrompt(({"role": "user", "content": "Who?"},)))

    assert isinstance(outcome, Answered), outcome
    assert ("Who?", 2, 0.1) == (outcome.answer.output, outcome.answer.output_tokens, outcome.answer.cost)


def test_what_it_raises_is_a_failed_request() -> None:
    """With its line; it may succeed later."""
    with pytest.raises(RequestError, match=r"OSError: no network \(mine.py:4\)") as caught:
        transport("@target\ndef f(prompt):\n    raise OSError('no network')\n").send(TextPrompt("a"), GENERATION)
    assert caught.value.retryable


def test_a_mistake_in_it_is_not_retried() -> None:
    """The question stays open until it is fixed; it is no failure of the candidate."""
    outcome = asked("@target\ndef f(prompt):\n    return prompt.txt\n")

    assert isinstance(outcome, Pending)
    assert "AttributeError: 'str' object has no attribute 'txt'" in outcome.error
    assert "mine.py:4" in outcome.error


def test_what_is_no_answer_is_refused() -> None:
    """A number is no text."""
    with pytest.raises(RequestError, match="target 'f' must return a text or an Answer, not 3"):
        transport("@target\ndef f(prompt):\n    return 3\n").send(TextPrompt("a"), GENERATION)


def test_a_secret_is_revealed_by_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan has its reference; one that is not set ends the step."""
    text = "from llmops_sdk import Secret\n@target\ndef f(prompt, *, key: Secret):\n    return key.reveal()\n"
    monkeypatch.setenv("MY_KEY", "hidden")
    assert "hidden" == transport(text, key="env:MY_KEY").send(TextPrompt("a"), GENERATION).output
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(SpecError, match="set the environment variable 'MY_KEY'"):
        transport(text, key="env:MY_KEY").send(TextPrompt("a"), GENERATION)


def test_options_that_a_model_leaves_out_are_left_out() -> None:
    """`varies: {temperature: null}` holds here too."""
    text = "@target\ndef f(prompt, *, options):\n    return ' '.join(options)\n"

    names = transport(text).send(TextPrompt("a"), vary(GENERATION, {"temperature": None})).output

    assert "max_new_tokens top_p stop seed response_format" == names


def test_concurrency_is_that_of_the_decorator_unless_an_option_says_otherwise() -> None:
    """The function and its code are shown with the answers."""
    text = "@target(concurrency=2)\ndef f(prompt):\n    return prompt\n"
    model = BaseModel(FORMAT, "mine.py:f")

    assert 2 == deployer(text).deploy(CONTEXT, model).concurrency
    endpoint = deployer(text, concurrency=5, requests_per_minute=60.0).deploy(CONTEXT, model)
    assert (5, 60.0) == (endpoint.concurrency, endpoint.requests_per_minute)
    assert {"function": "mine.py:f", "code": "c0de"} == endpoint.metadata
    with pytest.raises(EndpointError, match="serves no other model"):
        deployer(text).deploy(CONTEXT, BaseModel("huggingface", "x"))
