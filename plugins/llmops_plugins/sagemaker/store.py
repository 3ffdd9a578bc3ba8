"""A store in an S3 bucket: `s3://bucket/prefix`, with `?profile=`, `?region=` and `?kms_key=` where they are needed."""

from __future__ import annotations

import mimetypes
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from s3transfer.exceptions import RetriesExceededError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.errors import DENIED, error_code, error_text, translate
from llmops_plugins.sagemaker.aws.settings import PLUGIN, SageMakerSettings
from llmops_sdk.plugin import LocalStore, SpecError, Store, StoreError, UserError, default_home

_OPTIONS = ("profile", "region", "kms_key")
_GONE = frozenset({"404", "NoSuchKey"})
_SPOOLED_BYTES = 8 << 20
"""Larger objects are read through a file, not through memory."""

_TRANSFERS = TransferConfig(max_concurrency=16, preferred_transfer_client="classic")


class S3Store(Store):
    """Keys below a prefix of a bucket. Making one touches nothing.

    Args:
        uri: `s3://bucket/prefix`; its query may say `profile`, `region` and `kms_key` (for SSE-KMS), which else are
            the settings', and else those of boto3's own chain and of the bucket.
        settings: Of the plugin.

    Raises:
        SpecError: The URI names no bucket, or an option that there is not.
    """

    def __init__(self, uri: str, settings: Mapping[str, Any]) -> None:
        parts = urlsplit(uri)
        given = _options(uri, parts.query)
        prefix = parts.path.strip("/")
        if parts.scheme != "s3" or not parts.netloc:
            message = f"a store in S3 is written as 's3://bucket/prefix', not {uri!r}"
            raise SpecError(message)
        try:
            said = attrs.evolve(SageMakerSettings.from_mapping(settings), **given)
        except ValueError as exc:
            message = f"store {uri!r}: {exc}"
            raise SpecError(message) from exc
        self._bucket = parts.netloc
        self._root = f"{prefix}/" if prefix else ""
        self._place = f"s3://{self._bucket}/{prefix}".rstrip("/")
        self._said = said
        self._aws = Aws(said)
        self._opened: Any = None
        query = urlencode({name: getattr(said, name) for name in _OPTIONS if getattr(said, name)}, safe=":/")
        self.uri = f"{self._place}?{query}" if query else self._place

    # -- what a store must do -------------------------------------------------------------------

    def put(self, key: str, data: bytes) -> None:
        with self._told():
            self._client.put_object(**self._at(key), Body=data, **self._extra(key))

    def get(self, key: str) -> bytes | None:
        with self._told():
            try:
                found: bytes = self._client.get_object(**self._at(key))["Body"].read()
            except ClientError as exc:
                if error_code(exc) not in _GONE:
                    raise
                return None
        return found

    def list(self, prefix: str) -> Iterator[str]:
        for page in self._pages(prefix):
            for key in page:
                yield key.removeprefix(self._root)

    def delete(self, prefix: str) -> None:
        for page in self._pages(prefix):
            with self._told():
                asked = {"Objects": [{"Key": key} for key in page], "Quiet": True}
                kept = self._client.delete_objects(Bucket=self._bucket, Delete=asked).get("Errors", ())
            for error in kept:
                message = f"store {self._place!r}: {error['Key']!r} could not be deleted: {error.get('Message') or error['Code']}"
                raise StoreError(message)

    # -- what it does better than by those ------------------------------------------------------

    def suited(self, settings: Mapping[str, Mapping[str, Any]]) -> Store:
        """Encrypt with the run's own key, unless the URI names one. Who reads it is not the run's to say."""
        key = settings.get(PLUGIN, {}).get("kms_key", "")
        return S3Store(self.uri, {"kms_key": key}) if key and not self._said.kms_key else self

    def locate(self, key: str) -> str:
        return f"{self._place}/{key}"

    def copy(self, source: str, target: str) -> None:
        """Copy inside S3."""
        with self._told():
            try:
                self._client.copy(self._at(source), *self._at(target).values(), ExtraArgs=self._encryption())
            except ClientError as exc:
                if error_code(exc) not in _GONE:
                    raise

    @contextmanager
    def claim(self, prefix: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Lock on this machine, whose work folder all stores share; two machines may make the same artifact."""
        with LocalStore(default_home()).claim(prefix, waiting=waiting):
            yield

    def upload(self, folder: Path, prefix: str) -> None:
        """Put files side by side, large ones in parts, from the disk."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]

        def start(manager: Any) -> Iterator[Any]:
            for path in files:
                key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                yield manager.upload(str(path), *self._at(key).values(), extra_args=self._extra(key))

        self._transfer(start)

    def download(self, prefix: str, folder: Path) -> None:
        """Get files side by side, large ones in parts, onto the disk."""
        inside = folder.resolve()

        def start(manager: Any) -> Iterator[Any]:
            for key in self.list(f"{prefix}/"):
                target = (inside / key.removeprefix(f"{prefix}/")).resolve()
                if inside not in target.parents:
                    message = f"store {self._place!r}: the key {key!r} leads out of its folder"
                    raise StoreError(message)
                target.parent.mkdir(parents=True, exist_ok=True)
                yield manager.download(*self._at(key).values(), str(target))

        self._transfer(start)

    def read_lines(self, prefix: str) -> Iterator[bytes]:
        for key in self._segments(prefix):
            with tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES) as file:
                with self._told():
                    self._client.download_fileobj(*self._at(key).values(), file, Config=_TRANSFERS)
                file.seek(0)
                yield from (line for line in file if line.endswith(b"\n"))

    # -- S3 -------------------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        if self._opened is None:
            try:
                self._opened = self._aws.client("s3", Config(max_pool_connections=_TRANSFERS.max_request_concurrency))
            except UserError as exc:
                message = f"store {self._place!r}: {exc} (of a store alone: {self._place}?profile=NAME&region=REGION)"
                raise StoreError(message) from exc
        return self._opened

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._root}{key}"}

    def _extra(self, key: str) -> dict[str, str]:
        """Return what is said of an object: its encryption, and its type, so that a browser shows a report."""
        kind, _ = mimetypes.guess_type(key)
        return {**self._encryption(), **({"ContentType": kind} if kind else {})}

    def _encryption(self) -> dict[str, str]:
        key = self._said.kms_key
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def _pages(self, prefix: str) -> Iterator[tuple[str, ...]]:
        """Yield the whole keys that begin so, up to a thousand at a time, sorted."""
        asked = {"Bucket": self._bucket, "Prefix": f"{self._root}{prefix}"}
        with self._told():
            pages = iter(self._client.get_paginator("list_objects_v2").paginate(**asked))
        while True:
            with self._told():
                page = next(pages, None)
            if page is None:
                return
            if found := tuple(item["Key"] for item in page.get("Contents", ())):
                yield found

    def _transfer(self, start: Callable[[Any], Iterable[Any]]) -> None:
        with self._told(), create_transfer_manager(self._client, _TRANSFERS) as manager:
            for transfer in list(start(manager)):
                transfer.result()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what boto3 raises into a `StoreError` of one line."""
        try:
            yield
        except RetriesExceededError as exc:
            message = f"store {self._place!r}: AWS cannot be reached: {exc.last_exception}"
            raise StoreError(message) from exc
        except (BotoCoreError, ClientError) as exc:
            raise StoreError(self._why(exc)) from exc

    def _why(self, error: Exception) -> str:
        where = f"store {self._place!r}"
        code = error_code(error)
        if code == "NoSuchBucket":
            return f"{where}: there is no bucket {self._bucket!r}: type 'aws s3 mb s3://{self._bucket}', or correct the store's URI"
        if code in DENIED and isinstance(error, ClientError):
            wanted = "s3:ListBucket on the bucket and s3:GetObject, s3:PutObject, s3:DeleteObject below the prefix"
            return f"{where}: AWS does not allow it: {error_text(error) or code}; a store needs {wanted}"
        return str(translate(error, where))


def _options(uri: str, query: str) -> dict[str, Any]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    for name in given:
        if name not in _OPTIONS:
            message = f"store {uri!r} has no option {name!r}; known: {', '.join(_OPTIONS)}"
            raise SpecError(message)
    return given
