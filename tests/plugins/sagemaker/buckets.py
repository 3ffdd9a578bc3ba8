"""Requests to S3 as they are sent, and buckets that belong to another account."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import pytest

pytest.importorskip("botocore")

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = "x-amz-expected-bucket-owner"


@attrs.frozen
class Sent:
    """A request to a bucket: its method, its bucket, and the account that it expects as the owner."""

    method: str
    bucket: str
    owner: str


@attrs.define
class Buckets:
    """What was sent to buckets.

    Attributes:
        sent: The requests, in order.
        owners: The accounts of buckets; S3 refuses requests that expect another one, and no others.
    """

    sent: list[Sent] = attrs.field(factory=list)
    owners: dict[str, str] = attrs.field(factory=dict)

    def of(self, bucket: str) -> list[Sent]:
        """The requests to a bucket."""
        return [sent for sent in self.sent if sent.bucket == bucket]


class _Body(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def buckets(monkeypatch: pytest.MonkeyPatch) -> Buckets:
    """Records the requests of all of boto3's clients of this process."""
    buckets, send = Buckets(), URLLib3Session.send

    def recording(self: Any, request: Any) -> Any:
        bucket = urlsplit(request.url).path.split("/")[1] if "X-Amz-Target" not in request.headers else ""
        owner = _text(request.headers.get(OWNER, ""))
        if bucket:
            buckets.sent.append(Sent(request.method, bucket, owner))
        if owner and owner != buckets.owners.get(bucket, owner):
            return AWSResponse(request.url, 403, {"Content-Length": "0"}, _Body())
        return send(self, request)

    monkeypatch.setattr(URLLib3Session, "send", recording)
    return buckets


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
