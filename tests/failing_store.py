"""A store that fails in mid-run, as S3 does when a token expires."""

from __future__ import annotations

from llmops_sdk import StoreError
from llmops_sdk.testing import MemoryStore


class FailingStore(MemoryStore):
    """Refuses every write after `writes_left` of them, and counts the refused ones."""

    def __init__(self, writes_left: int) -> None:
        super().__init__()
        self.writes_left = writes_left
        self.refused = 0

    def put(self, key: str, data: bytes) -> None:
        self.writes_left -= 1
        if self.writes_left < 0:
            self.refused += 1
            message = "store 's3://...': the AWS credentials have expired"
            raise StoreError(message)
        super().put(key, data)
