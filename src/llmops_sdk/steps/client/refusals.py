"""Why servers refuse requests, and whether the same request may succeed later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llmops_sdk.errors import RequestError

_SHOWN = 300
_REASONS = ("OriginalMessage", "Message", "message", "error", "detail", "errorMessage", "msg", "reason", "errors")
_CODES = ("OriginalStatusCode", "code", "status", "status_code", "statusCode", "http_status")
_KINDS = ("type", "code", "error_type", "status", "Code", "__type", "reason")

# In addition to all 5xx. 424 is SageMaker's "the container answered with an error": the container's own status decides.
_TRANSIENT = frozenset({408, 425, 429})
_MODEL_ERROR = 424
_LOWEST_ERROR = 400
_SERVER_ERROR = 500
_HIGHEST = 599

_THROTTLED = re.compile(r"rate.?limit|too.?many.?request|throttl|quota|resource.?exhausted", re.IGNORECASE)
_PASSING = re.compile(
    r"overload|at.capacity|over.capacity|try.again|retry.(later|after)|slow.down|\bbusy\b|high.demand"
    r"|time[sd]?.?out|unavailable|not.ready|(is|still|currently|being).load|loading|connection|disconnect|internal"
    r"|abort|cancell?ed|maintenance|incomplete.generation",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"invalid|bad.request|validation|not.found|too.(long|large)|maximum.context|context.length|unauthori[sz]ed|authentication"
    r"|forbidden|permission|unsupported|not.supported|unprocessable|content.?(filter|policy)|does.not.exist|api.key",
    re.IGNORECASE,
)


# The fields of requests that come from the generation options, and how servers refuse one of them. Two of them are words, too.
_PARAMETERS = re.compile(
    r"\b(?P<name>max_completion_tokens|max_tokens|temperature|top_p|response_format|grammar)\b(?!['\"`]? instead)"
    r"|['\"`](?P<word>seed|stop)['\"`]"
)
_OPTIONS = {"grammar": "response_format"}
"""Fields by which a generation option is called in another protocol."""
_UNSUPPORTED = re.compile(
    r"unsupported|(not|n't) support|not permitted|not allowed|deprecated|extra_forbidden|only the default|unrecogni[sz]ed"
    r"|unknown (parameter|argument|field|name)|cannot both be",
    re.IGNORECASE,
)
_BAD_REQUEST = frozenset({400, 422})
# Of every request alike: no key or no credit, a model or a path that does not exist, a method that the path does not have.
_REFUSES_ALL = frozenset({401, 402, 404, 405})
_FORBIDDEN = 403
_MODERATED = re.compile(r"moderat|flagged|policy|filter|safety", re.IGNORECASE)


def error_message(status: int, body: Any) -> str:
    """Return in one line why a server refused, from JSON (or text) in one of the forms that model servers use.

    >>> error_message(400, {"error": {"message": "no such model", "type": "invalid_request_error"}})
    'no such model'
    """
    reason = body
    if isinstance(body, Mapping):
        reason = next((body[key] for key in _REASONS[:-1] if body.get(key)), body)
        if isinstance(reason, Mapping):
            reason = reason.get("message", reason)
    text = reason if isinstance(reason, str) else as_json(reason)
    return shorten(text) or f"HTTP status {status} without a reason"


def is_transient(status: int, body: Any) -> bool:
    """Return whether the same request may succeed later, from the status and from what the body says.

    A 429 counts in any form: as the status, as a code in the body, or in words (`rate limit`, `quota`). Of SageMaker's
    424, the container's own status decides; 0 means that the container did not answer in time.
    """
    if status == _MODEL_ERROR and isinstance(body, Mapping):
        original = body.get("OriginalStatusCode")
        if original == 0 or (not isinstance(original, int) and _PASSING.search(error_message(status, body))):
            return True
        return isinstance(original, int) and is_transient(original, None)
    if status in _TRANSIENT or status >= _SERVER_ERROR:
        return True
    return any(code in _TRANSIENT for code in _codes(body)) or bool(_THROTTLED.search(_words(status, body)))


def refuses_all(status: int, body: Any) -> bool:
    """Return whether the status says that every request is refused so: the key, the URL or the model is at fault."""
    if status == _FORBIDDEN:
        return not _MODERATED.search(_words(status, body))
    return status in _REFUSES_ALL


def refused_parameter(status: int, body: Any) -> str:
    """Return the parameter of the generation options that a model does not support, or empty.

    >>> refused_parameter(400, {"error": {"message": "Unsupported value: 'temperature' does not support 0.0"}})
    'temperature'
    """
    if status not in _BAD_REQUEST:
        return ""
    words = f"{_words(status, body)} {as_json(body.get('detail', '')) if isinstance(body, Mapping) else ''}"
    if not _UNSUPPORTED.search(words):
        return ""
    named = [f"'{part['param']}'" for part in _parts(body) if isinstance(part.get("param"), str)]
    match = _PARAMETERS.search(" ".join((*named, words)))
    name = (match["name"] or match["word"]) if match else ""
    return _OPTIONS.get(name, name)


def check_reply(body: Any) -> None:
    """Refuse a reply that reports an error although its status is 200, whole or one event of a stream.

    An error is for good where its code or its words say that the request is at fault (invalid, too long, not allowed);
    any other failed for now: it was the server's.

    Raises:
        RequestError: It reports an error.
    """
    error = find_error(body)
    if error is None:
        return
    message = f"the endpoint answered with an error: {error_message(0, error)}"
    raise RequestError(message, retryable=_may_succeed(error))


def find_error(body: Any) -> Any | None:
    """Return the error that a reply reports, or None.

    >>> find_error({"choices": [{"message": {"content": ""}, "error": {"code": 502}}]})
    {'code': 502}
    """
    if not isinstance(body, Mapping):
        return None
    if body.get("error") or body.get("object") == "error" or body.get("type") == "error":
        # The codes may be beside it: {"error": "no memory", "code": 507}
        error = body.get("error")
        return error if isinstance(error, Mapping) else body
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(choice, Mapping):
        return choice.get("error") or None
    if "choices" in body or not _TEXTS.isdisjoint(body):
        return None
    return body if any(body.get(name) for name in _REASONS) else None


_TEXTS = frozenset({"generated_text", "generation", "outputs", "token", "response", "delta", "done"})


def shorten(text: str) -> str:
    """Return a text in one line, cut to 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."


def as_json(value: Any) -> str:
    """Return a value as JSON, for a message."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "a deeply nested value"


def _may_succeed(error: Any) -> bool:
    words = _words(0, error)
    codes = [code for code in _codes(error) if _LOWEST_ERROR <= code <= _HIGHEST]
    if codes:
        return any(is_transient(code, None) for code in codes) or bool(_THROTTLED.search(words))
    if _THROTTLED.search(words) or _PASSING.search(words):
        return True
    return not _FINAL.search(words)


def _codes(body: Any) -> Iterator[int]:
    """Yield the HTTP statuses that a body contains, as numbers or as text."""
    for part in _parts(body):
        for name in _CODES:
            value = part.get(name)
            if type(value) is int:
                yield value
            elif isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == len("429"):
                yield int(value)


def _words(status: int, body: Any) -> str:
    """Return the words by which a body may be recognized: its message, and the names of its kind."""
    kinds = [str(part[name]) for part in _parts(body) for name in _KINDS if isinstance(part.get(name), str)]
    return " ".join((*kinds, error_message(status, body) if body else ""))


def _parts(body: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a body and the error in it, as far as they are objects."""
    if isinstance(body, Mapping):
        yield body
        if isinstance(body.get("error"), Mapping):
            yield body["error"]
