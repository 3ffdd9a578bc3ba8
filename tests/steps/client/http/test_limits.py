"""The limits of one answer: bytes after decompression, and a deadline."""

from __future__ import annotations

import gzip
import socket
import time
import zlib

import pytest

from llmops_sdk.errors import RequestError
from llmops_sdk.steps.client.http.limits import Body, Deadlines

TEXT = b"an answer " * 1000
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("", TEXT), ("identity", TEXT), ("gzip", gzip.compress(TEXT, mtime=0)), ("GZIP ", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)), ("deflate", RAW.compress(TEXT) + RAW.flush()),
    ],
)  # fmt: skip
def test_a_body_is_decompressed_as_it_arrives(encoding: str, data: bytes) -> None:
    """In parts of any size."""
    body = Body(encoding, 1_000_000)
    for start in range(0, len(data), 7):
        body.add(data[start : start + 7])
    assert (TEXT, False) == (bytes(body.data), body.is_full)


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_no_more_than_the_limit_is_kept(encoding: str) -> None:
    """However much a few bytes become."""
    data = b"a" * 50_000_000
    packed = {"": data, "gzip": gzip.compress(data, 1, mtime=0), "deflate": zlib.compress(data, 1)}[encoding]
    body = Body(encoding, 1000)
    body.add(packed)
    assert (1000, True) == (len(body.data), body.is_full)


def test_a_damaged_body_is_refused() -> None:
    """A later attempt may get it undamaged; an encoding that was not asked for comes again."""
    with pytest.raises(RequestError) as damaged:
        Body("gzip", 1000).add(b"none")
    with pytest.raises(RequestError) as unknown:
        Body("br", 1000)
    assert (True, False) == (damaged.value.retryable, unknown.value.retryable)


def test_a_request_that_takes_too_long_loses_its_socket() -> None:
    """Its reader wakes up at the deadline; a request that ended in time keeps its connection."""
    deadlines = Deadlines()
    near, far = socket.socketpair()
    with near, far:
        with deadlines.watch(0.05, {near}) as early:
            pass
        time.sleep(0.2)
        near.sendall(b"x")
        started = time.monotonic()
        with deadlines.watch(0.1, {near}) as late:
            assert b"" == near.recv(1)
        assert time.monotonic() - started < 5
    assert (False, True) == (early.is_expired, late.is_expired)
