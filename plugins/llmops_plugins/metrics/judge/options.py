"""The card and the options of `llm-judge`. Nothing heavy is imported here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from string import Formatter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
from attrs import validators

from llmops_plugins.metrics.options import one_of
from llmops_sdk.plugin import EvaluatorCard, Options, Secret, option

DEFAULT_RUBRIC = """\
How faithful is the text to the material, and does it have what matters for what was asked? Length, style and politeness \
do not count. Where two grades fit, the lower one is right.
5: Everything it says is supported by the material, and nothing that matters is missing.
4: Everything it says is supported by the material; a minor point is missing or imprecise.
3: An important point is missing, or a minor claim is not supported by the material.
2: An important claim is not supported by the material, or most of what matters is missing.
1: It contradicts the material, is about something else, or is no answer (empty, broken off, repeating itself)."""

DEFAULT_PROMPT = """\
You grade a text that a language model wrote, by this rubric and by nothing else:

{rubric}

What the writer was asked:
{instruction}

The material it was given, which may be none:
{context}

A good answer to compare with; the text need not have its words:
{reference}

The text to grade:
{output}"""

OWN_PLACES = ("rubric", "reference", "output")
"""The places of the prompt that are not simply fields of the record."""

_SET_BY_US = ("messages", "inputs", "stream", "n")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SECRET_NAME = re.compile(r"key|token|secret|password|sig", re.IGNORECASE)


def places(prompt: str) -> tuple[str, ...]:
    """Return the names of a prompt's `{places}`, each once; `{{` and `}}` are literal braces.

    Raises:
        ValueError: A lone brace, or a place that is no plain name.
    """
    try:
        parts = list(Formatter().parse(prompt))
    except ValueError as exc:
        message = f"the prompt cannot be read: {exc}; write '{{{{' and '}}}}' for literal braces"
        raise ValueError(message) from None
    for _, name, spec, conversion in parts:
        if name is not None and (not name.strip() or spec or conversion):
            message = "a place of the prompt is a plain name such as {output}; write '{{' and '}}' for literal braces"
            raise ValueError(message)
    return tuple(dict.fromkeys(name for _, name, _, _ in parts if name is not None))


def _url(_options: object, _attribute: object, value: str) -> None:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole or re.search(r"\s", value):
        message = "url is where the judge is asked, for example http://127.0.0.1:8000/v1/chat/completions"
        raise ValueError(message)
    if "@" in parts.netloc or any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query, True)):
        # The text is kept out of the message: it is the secret.
        message = "url has a secret in it, and plans and records hold the url: give the key as api_key='env:NAME'"
        raise ValueError(message)


def _prompt(_options: object, _attribute: object, value: str) -> None:
    if "output" not in places(value):
        message = "the prompt has no place {output}, so the judge would not see what it is to grade"
        raise ValueError(message)


def _metric(_options: object, _attribute: object, value: str) -> None:
    if not _NAME.fullmatch(value):
        message = f"a metric's name is letters, digits, '_' and '-', a letter first, not {value!r}"
        raise ValueError(message)


def _extra_body(_options: object, _attribute: object, value: Mapping[str, Any]) -> None:
    ours = [name for name in _SET_BY_US if name in value]
    if ours:
        message = f"extra_body cannot have {ours[0]!r}: the judge's prompt and the form of its answer are set here"
        raise ValueError(message)
    try:
        json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError) as exc:
        message = f"extra_body holds what JSON cannot: {exc}"
        raise ValueError(message) from None


@attrs.frozen(kw_only=True)
class JudgeOptions(Options):
    """Who judges, by what, and what is asked."""

    url: str = option(
        help="where the judge is asked: a server's chat completions URL in OpenAI's form, or an endpoint's /invocations",
        validator=_url,
    )
    model: str = option("", help="the model's name as the server knows it; servers in OpenAI's form want one")
    api_key: Secret | None = option(  # noqa: RUF009 - `option` declares a field, it is no shared default
        None, help="the key, as env:NAME of an environment variable; sent as a bearer token", affects_results=False
    )
    form: str = option(
        "chat",
        help="chat asks with messages (OpenAI's form); text with inputs (SageMaker's text generation form)",
        validator=one_of(("chat", "text")),
    )
    rubric: str = option(
        DEFAULT_RUBRIC,
        help="by what to grade, with a line for every grade; the default one is for summaries: faithfulness and coverage",
        validator=validators.min_len(1),
    )
    prompt: str = option(
        DEFAULT_PROMPT,
        help="what the judge is shown: text with {output}, {reference}, {rubric} and {FIELD} for fields of the record; how to "
        "answer is added to it",
        validator=_prompt,
    )
    reference: str = option(
        "response", help="the record's field that is shown as {reference}", validator=validators.min_len(1)
    )
    lowest: int = option(1, help="the worst score")
    highest: int = option(5, help="the best score")
    metric: str = option(
        "judge", help="the name of the metric, so that two judges can stand side by side", validator=_metric
    )
    max_new_tokens: int = option(512, help="the longest judgment, in tokens", validator=validators.ge(1))
    temperature: float = option(0.0, help="0 is greedy decoding", validator=validators.ge(0))
    repeats: int = option(1, help="how often each output is judged; the mean is the score", validator=validators.ge(1))
    extra_body: Mapping[str, Any] = option(
        factory=dict,
        help="further fields of every request; null leaves one out, as some models want it: {max_tokens: null, "
        "max_completion_tokens: 2000, temperature: null}",
        validator=_extra_body,
    )
    concurrency: int = option(4, help="requests at a time", affects_results=False, validator=validators.ge(1))

    def __attrs_post_init__(self) -> None:
        """Refuse options that contradict each other."""
        if self.lowest >= self.highest:
            message = f"lowest must be below highest, not {self.lowest} and {self.highest}"
            raise ValueError(message)
        if self.rubric == DEFAULT_RUBRIC and (self.lowest, self.highest) != (1, 5):
            message = (
                f"the default rubric has grades from 1 to 5: for {self.lowest} to {self.highest} give a rubric too"
            )
            raise ValueError(message)
        if self.rubric != DEFAULT_RUBRIC and "rubric" not in places(self.prompt):
            message = "a rubric is given, and the prompt has no place {rubric} for it"
            raise ValueError(message)
        if self.model and "model" in self.extra_body:
            message = "the model is given twice: as model and in extra_body"
            raise ValueError(message)
        if self.repeats > 1 and self.temperature == 0 and "temperature" not in self.extra_body:
            message = "repeats above 1 need a temperature above 0: at 0 the judge says the same again"
            raise ValueError(message)


CARDS: tuple[EvaluatorCard, ...] = (
    EvaluatorCard(
        name="llm-judge",
        summary="a language model grades outputs by a rubric, over any endpoint or server in OpenAI's form",
        load="llmops_plugins.metrics.judge.evaluator:LlmJudge",
        options=JudgeOptions,
    ),
)
