"""The deployer and the transport of a function marked with `@target`."""

from __future__ import annotations

from typing import Any

import attrs

from llmops_sdk.errors import EndpointError, LLMOpsError, RequestError
from llmops_sdk.functions.calls import FAILURES, BoundFunction, bind, describe
from llmops_sdk.functions.concurrent import LoopThread
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.functions.options import TargetOptions
from llmops_sdk.plugin.interfaces import Deployer, Transport
from llmops_sdk.values.answers import Answer
from llmops_sdk.values.data import Record
from llmops_sdk.values.generation_options import REPEATS, GenerationOptions, VariedOptions
from llmops_sdk.values.models import ServableModel
from llmops_sdk.values.prompts import ChatPrompt, Prompt
from llmops_sdk.values.resources import Endpoint
from llmops_sdk.values.serial import to_json

_SHOWN = 100

_MISTAKES = (
    TypeError,
    NameError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    ImportError,
    SyntaxError,
)
"""What a mistake in the function raises. All else may be a failure of what it asks, and is retried."""


class FunctionTarget(Deployer):
    """Deploys nothing: the function answers."""

    options: TargetOptions

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Import the function.

        Raises:
            EndpointError: The model is not the function's.
        """
        function = self.options.function
        if model.format != "function":
            message = f"the function {function.reference!r} serves no other model"
            raise EndpointError(message)
        definition = bind(function, "target", self.options.options).definition
        return Endpoint(
            name=function.reference,
            concurrency=self.options.concurrency or definition.settings["concurrency"],
            requests_per_minute=self.options.requests_per_minute,
            metadata={"function": function.reference, "code": function.code},
        )

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        """Ask the function."""
        bound = bind(self.options.function, "target", self.options.options)
        return FunctionTransport(bound)


class FunctionTransport(Transport):
    """Asks a function; its answers have no tokens or costs but those that it returns.

    Args:
        bound: The function with its options.
    """

    def __init__(self, bound: BoundFunction) -> None:
        self._bound = bound
        self._loop = LoopThread() if bound.definition.is_async else None
        if self._loop is not None:
            self._loop.__enter__()

    def send(self, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Ask about no record, as an evaluator's own question."""
        return self.send_record(None, prompt, generation)

    def send_record(self, record: Record | None, prompt: Prompt, generation: GenerationOptions) -> Answer:
        """Call the function, and return its answer.

        Raises:
            RequestError: It raised, or returned neither a text nor an `Answer`.
        """
        asked = [dict(message) for message in prompt.messages] if isinstance(prompt, ChatPrompt) else prompt.text
        values = {"prompt": asked, "options": _mapping(generation), "record": record, "generation": generation}
        try:
            answer = self._loop.run(self._bound(**values)) if self._loop else self._bound(**values)
        except (LLMOpsError, *_MISTAKES):
            raise  # of this question, and asking again would not help: it stays open
        except FAILURES as exc:
            raise RequestError(describe(exc), retryable=True) from exc
        if isinstance(answer, Answer):
            return answer
        if isinstance(answer, str):
            return Answer(output=answer)
        message = f"target {self._bound.definition.name!r} must return a text or an Answer, not {_short(answer)}"
        raise RequestError(message, retryable=False)

    def close(self) -> None:
        """End the event loop."""
        if self._loop is not None:
            self._loop.close()


def _mapping(generation: GenerationOptions) -> dict[str, Any]:
    """Return the options by name, without those that the model's exceptions leave out."""
    left_out = generation.left_out if isinstance(generation, VariedOptions) else ()
    values = to_json(generation, GenerationOptions)
    return {
        field.name: values[field.name]
        for field in attrs.fields(GenerationOptions)
        if field.name not in (REPEATS, *left_out)
    }


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
