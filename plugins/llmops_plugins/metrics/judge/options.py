"""The options of `llm-judge`. Nothing heavy is imported here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import attrs
from attrs import validators

from llmops_plugins.metrics.validators import one_of
from llmops_sdk.plugin import Asks, Billing, EvaluatorOptions, Secret, extra_fields, is_loopback, option

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

PAIR_RUBRIC = """\
Which text is more faithful to the material, and has more of what matters for what was asked? Length, style, politeness and \
which text comes first do not count."""

PAIR_PROMPT = """\
You compare two texts that were written for the same request, by this rubric and by nothing else:

{rubric}

What the writers were asked:
{instruction}

The material they were given, which may be none:
{context}

Text 1:
{first}

Text 2:
{second}"""

_extra_body = extra_fields(
    ("messages", "inputs", "stream", "n"), "the evaluator sets the prompt and the form of the answer"
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SECRET_NAME = re.compile(r"key|token|secret|password|sig", re.IGNORECASE)


def placeholders(prompt: str) -> tuple[str, ...]:
    """Return the names of a prompt's `{placeholders}`, each once; `{{` and `}}` are literal braces.

    Raises:
        ValueError: A single brace, or a placeholder that is not a plain name.
    """
    try:
        parts = list(Formatter().parse(prompt))
    except ValueError as exc:
        message = f"the prompt cannot be read: {exc}; write '{{{{' and '}}}}' for literal braces"
        raise ValueError(message) from None
    for _, name, spec, conversion in parts:
        if name is not None and (not name.strip() or spec or conversion):
            message = (
                "a placeholder of the prompt is a plain name such as {output}; write '{{' and '}}' for literal braces"
            )
            raise ValueError(message)
    return tuple(dict.fromkeys(name for _, name, _, _ in parts if name is not None))


def _url(_options: object, _attribute: object, value: str) -> None:
    try:
        parts = urlsplit(value)
        is_complete = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_complete = False
    if not is_complete or re.search(r"\s", value):
        message = "url is the judge's address, for example http://127.0.0.1:8000/v1/chat/completions"
        raise ValueError(message)
    if "@" in parts.netloc or any(_SECRET_NAME.search(name) for name, _ in parse_qsl(parts.query, True)):
        # The url is kept out of the message: it contains the secret.
        message = "url contains a secret, and plans and records contain the url: give the key as api_key='env:NAME'"
        raise ValueError(message)


def _shows(**names: str) -> Callable[[object, object, str], None]:
    """Return a validator of a prompt that needs placeholders.

    Args:
        names: Each of them, with what it shows.
    """

    def check(_options: object, _attribute: object, value: str) -> None:
        known = placeholders(value)
        for name, meaning in names.items():
            if name not in known:
                message = f"the prompt has no placeholder {{{name}}}, so the judge would not see {meaning}"
                raise ValueError(message)

    return check


def _metric(_options: object, _attribute: object, value: str) -> None:
    if not _NAME.fullmatch(value):
        message = f"a metric's name consists of letters, digits, '_' and '-', and starts with a letter, not {value!r}"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class AskOptions(EvaluatorOptions):
    """Who judges, and how it is asked."""

    ORDERS: ClassVar[int] = 1
    """The number of questions about an output in each repetition."""

    url: str = option(
        help="the judge's address: a server's chat completions URL in OpenAI's form, or an endpoint's /invocations",
        validator=_url,
    )
    model: str = option("", help="the model's name on the server; servers in OpenAI's form need one")
    api_key: Secret | None = option(  # noqa: RUF009 - `option` declares a field, it is no shared default
        None, help="the key, as env:NAME of an environment variable; sent as a bearer token", affects_results=False
    )
    form: str = option(
        "chat",
        help="chat: messages in OpenAI's form; text: inputs in SageMaker's text generation form",
        validator=one_of(("chat", "text")),
    )
    reference: str = option(
        "response", help="the record's field that is shown as {reference}", validator=validators.min_len(1)
    )
    max_new_tokens: int = option(512, help="the longest judgment, in tokens", validator=validators.ge(1))
    temperature: float = option(0.0, help="0 is greedy decoding", validator=validators.ge(0))
    repeats: int = option(
        1, help="the number of times each output is judged; the score is the mean", validator=validators.ge(1)
    )
    extra_body: Mapping[str, Any] = option(
        factory=dict,
        help="more fields of every request; null removes one, which some models need: {max_tokens: null, "
        "max_completion_tokens: 2000, temperature: null}",
        validator=_extra_body,
    )
    concurrency: int = option(4, help="requests at a time", affects_results=False, validator=validators.ge(1))

    rubric: str
    prompt: str
    metric: str

    def billing(self) -> Billing:
        """Return that the tokens of the judge are billed."""
        return Billing("tokens", self.model, address=self.url, is_own=is_loopback(self.url))

    def asks(self) -> Asks:
        """Return the question of each repetition, in each order."""
        length = len(self.prompt) + (len(self.rubric) if "rubric" in placeholders(self.prompt) else 0)
        return Asks(self.repeats * self.ORDERS, length, self.max_new_tokens)

    def __attrs_post_init__(self) -> None:
        """Refuse options that contradict each other."""
        if self.model and "model" in self.extra_body:
            message = "the model is given twice: as model and in extra_body"
            raise ValueError(message)
        if self.repeats > 1 and self.temperature == 0 and "temperature" not in self.extra_body:
            message = "repeats above 1 need a temperature above 0: at 0 the judge repeats its answer"
            raise ValueError(message)

    def check_rubric(self, default: str) -> None:
        """Refuse a rubric that the prompt does not show."""
        if self.rubric != default and "rubric" not in placeholders(self.prompt):
            message = "a rubric is given, but the prompt has no placeholder {rubric}"
            raise ValueError(message)


@attrs.frozen(kw_only=True)
class JudgeOptions(AskOptions):
    """Who judges, by which rubric, and with which prompt."""

    rubric: str = option(
        DEFAULT_RUBRIC,
        help="the rubric, with a line for every grade; the default one is for summaries: faithfulness and coverage",
        validator=validators.min_len(1),
    )
    prompt: str = option(
        DEFAULT_PROMPT,
        help="the prompt: text with {output}, {reference}, {rubric} and {FIELD} for fields of the record; instructions for the "
        "form of the answer are added",
        validator=_shows(output="the text to grade"),
    )
    lowest: int = option(1, help="the worst score")
    highest: int = option(5, help="the best score")
    metric: str = option("judge", help="the name of the metric; give each of several judges its own", validator=_metric)

    def __attrs_post_init__(self) -> None:
        """Refuse options that contradict each other."""
        super().__attrs_post_init__()
        if self.lowest >= self.highest:
            message = f"lowest must be below highest, not {self.lowest} and {self.highest}"
            raise ValueError(message)
        if self.rubric == DEFAULT_RUBRIC and (self.lowest, self.highest) != (1, 5):
            message = (
                f"the default rubric has grades from 1 to 5: for {self.lowest} to {self.highest}, give a rubric too"
            )
            raise ValueError(message)
        self.check_rubric(DEFAULT_RUBRIC)


@attrs.frozen(kw_only=True)
class PairwiseOptions(AskOptions):
    """Who compares, with what, and by which rubric."""

    ORDERS: ClassVar[int] = 2

    versus: str = option(
        "response",
        help="the record's field that each output is compared with: the reference, or the answer of another system",
        validator=validators.min_len(1),
    )
    rubric: str = option(
        PAIR_RUBRIC,
        help="what makes a text better; the default one is for summaries: faithfulness and coverage",
        validator=validators.min_len(1),
    )
    prompt: str = option(
        PAIR_PROMPT,
        help="the prompt: text with {first}, {second}, {rubric}, {reference} and {FIELD} for fields of the record; instructions "
        "for the form of the answer are added",
        validator=_shows(first="the first text", second="the second text"),
    )
    metric: str = option("wins", help="the name of the metric; give each of several judges its own", validator=_metric)

    def __attrs_post_init__(self) -> None:
        """Refuse options that contradict each other."""
        super().__attrs_post_init__()
        self.check_rubric(PAIR_RUBRIC)
