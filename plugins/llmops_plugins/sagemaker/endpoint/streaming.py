"""Joins the parts of a streamed answer to the JSON that the container would have sent without streaming.

Parts are server-sent events (`data:{...}`) or JSON lines, in one of three forms: tokens, with the complete text in the
last event (TGI, LMI), texts in `outputs` (LMI without continuous batching), or OpenAI's chunks of chats and completions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from llmops_sdk.plugin import RequestError, parse_answer

_OTHER_FIELDS = (b":", b"event:", b"id:", b"retry:")
"""The prefixes of those lines of server-sent events that contain no data."""

_DONE = b"[DONE]"
_MAX_SHOWN = 300
_REASONING = ("reasoning_content", "reasoning", "thinking")


@attrs.define
class StreamedAnswer:
    """An answer whose parts are arriving.

    Attributes:
        limit: The most bytes that it may have.
        has_text: Whether a first piece of text has arrived. It stays False if the container does not stream.
    """

    limit: int
    has_text: bool = False
    _rest: bytes = b""
    _size: int = 0
    _texts: list[str] = attrs.field(factory=list)
    _reasoning: list[str] = attrs.field(factory=list)
    _refusals: list[str] = attrs.field(factory=list)
    _is_chat: bool = False
    _complete: Mapping[str, Any] | None = None
    _chunks: dict[str, Any] = attrs.field(factory=dict)
    _finish_reason: str | None = None
    _ended: bool = False

    def add(self, part: bytes) -> None:
        """Add the next bytes, which may start and end within a line or a character.

        Raises:
            RequestError: They report an error, their form is unknown, or they are too many.
        """
        self._size += len(part)
        if self._size > self.limit:
            message = f"the endpoint's stream is longer than {self.limit} bytes, which is more than was asked for"
            raise RequestError(message, retryable=False)
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in lines:
            self._take_line(line)

    def body(self) -> Any:
        """Return the JSON for `parse_answer`, after the last part.

        Raises:
            RequestError: As in `add`; retryable if the end is missing.
        """
        self._take_line(self._rest)
        self._rest = b""
        if self._complete is not None:
            return self._complete
        if not self._ended:
            message = "the endpoint's stream ended before the end of the answer"
            raise RequestError(message, retryable=True)
        text = "".join(self._texts)
        if not self._chunks:
            return {"generated_text": text}
        ending = {"finish_reason": self._finish_reason}
        if not self._is_chat:
            return {**self._chunks, "choices": [{"text": text, **ending}]}
        extra = {"reasoning_content": "".join(self._reasoning), "refusal": "".join(self._refusals)}
        return {**self._chunks, "choices": [{"message": {"content": text, **extra}, **ending}]}

    def _take_line(self, line: bytes) -> None:
        data = line.strip().removeprefix(b"data:").strip()
        if not data or data.startswith(_OTHER_FIELDS):
            return
        if data == _DONE:
            self._ended = True
            return
        try:
            event = json.loads(data)
        except ValueError as exc:
            shown = data[:_MAX_SHOWN].decode(errors="replace")
            message = f"the endpoint's stream has a line that is not JSON: {shown}"
            raise RequestError(message, retryable=True) from exc
        self._take_event(event[0] if isinstance(event, list) and len(event) == 1 else event)

    def _take_event(self, event: Any) -> None:
        if not isinstance(event, Mapping):
            message = f"the endpoint's stream has an event that is not an object: {json.dumps(event)[:_MAX_SHOWN]}"
            raise RequestError(message, retryable=False)
        _check(event)
        if "choices" in event:
            self._take_chunk(event)
        elif "outputs" in event:
            outputs = event["outputs"]
            self._add(*outputs if isinstance(outputs, list) else (outputs,))
            self._ended = True  # nothing marks the last one
        elif "token" in event:
            self.has_text = True
            if isinstance(event.get("generated_text"), str):
                self._complete = event
        else:
            self._complete = event

    def _take_chunk(self, event: Mapping[str, Any]) -> None:
        choice = _first(event["choices"])
        if isinstance(choice.get("message"), Mapping):
            self._complete = event
            return
        delta = choice.get("delta")
        if isinstance(delta, Mapping):
            self._take_delta(delta)
        else:
            self._add(choice.get("text"))
        self._chunks |= {name: event[name] for name in ("model", "usage") if event.get(name)} | {"choices": []}
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._ended = self._ended or self._finish_reason is not None

    def _take_delta(self, delta: Mapping[str, Any]) -> None:
        """Take a piece of a chat: text, reasoning or refusal; content may be a text or a list of parts."""
        self._is_chat = True
        self._reasoning += [text for name in _REASONING if isinstance(text := delta.get(name), str)][:1]
        self._refusals += [text for text in (delta.get("refusal"),) if isinstance(text, str)]
        content = delta.get("content")
        if not isinstance(content, list):
            self._add(content)
            return
        # The core knows the parts of a whole message.
        piece = parse_answer(
            {"choices": [{"message": {"content": [*content, {"type": "text", "text": ""}]}, "finish_reason": "stop"}]}
        )
        self._reasoning.append(piece.reasoning)
        self._add(piece.output)

    def _add(self, *texts: Any) -> None:
        pieces = [text for text in texts if isinstance(text, str) and text]
        self._texts += pieces
        self.has_text = self.has_text or bool(pieces)


def _check(event: Mapping[str, Any]) -> None:
    """Refuse an event that reports an error: after the start of a stream, its status cannot.

    Whether it failed for now or for good is the core's decision, as for an answer in one piece.
    """
    details = event.get("details")
    reason = details.get("finish_reason") if isinstance(details, Mapping) else None
    is_error = event.get("error") or event.get("object") == "error" or _first(event.get("choices")).get("error")
    if not is_error and reason != "error":
        return
    try:
        parse_answer({"generated_text": "", **event})
    except RequestError as exc:
        message = f"the endpoint's stream ended in an error: {exc}"
        raise RequestError(message, retryable=exc.retryable) from exc


def _first(choices: Any) -> Mapping[str, Any]:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, Mapping) else {}
