"""Replies as JSON, whatever their bytes are."""

from __future__ import annotations

import pytest

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.replies import read_json, repaired


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b"\xef\xbb\xbf[1]", [1]),
        ("[1]".encode("utf-16"), [1]),
        (b"[" + b"9" * 6000 + b"]", [float("inf")]),
        (b"[123456789012345678]", [123456789012345678]),
    ],
)
def test_json_is_read_as_well_as_it_can_be(body: bytes, expected: object) -> None:
    """Invalid characters are replaced, numbers of absurd length are no error."""
    assert expected == read_json(body)


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b'{"a": "b', b"\x00\xff", b"[" * 200_000 + b"]" * 200_000])
def test_what_is_not_json_failed_for_now(body: bytes) -> None:
    """The model did not send it; the message is one line."""
    with pytest.raises(RequestError) as failure:
        read_json(body, "text/html")
    assert failure.value.retryable
    assert "\n" not in str(failure.value)


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    """Two that belong together become their character."""
    assert ("plain", "a\ufffdb", "\U0001f600") == (repaired("plain"), repaired("a\ud83db"), repaired("\ud83d\ude00"))
