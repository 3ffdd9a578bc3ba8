"""A store in an S3 bucket: `s3://bucket/prefix`, with the options `?profile=`, `?region=`, `?kms_key=` and `?bucket_owner=`."""

from __future__ import annotations

import mimetypes
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import attrs
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from s3transfer.exceptions import RetriesExceededError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.errors import DENIED, error_code, error_text, translate
from llmops_plugins.sagemaker.settings import PLUGIN, SageMakerSettings
from llmops_sdk.plugin import LLMOpsError, LocalStore, SpecError, Store, StoredFile, StoreError, UserError, default_home

_OPTIONS = ("profile", "region", "kms_key", "bucket_owner")
_MISSING = frozenset({"404", "NoSuchKey"})
_MOST_DELETED = 1_000
"""The most objects that S3 deletes with one request."""

_SPOOLED_BYTES = 8 << 20
"""Larger objects are read through a file instead of memory."""

_TRANSFERS = TransferConfig(max_concurrency=16, preferred_transfer_client="classic")


class S3Store(Store):
    """A store whose keys are below a prefix of a bucket. Creating the object sends no request.

    Args:
        uri: `s3://bucket/prefix`; its query may set `profile`, `region` and `kms_key` (for SSE-KMS). The default of each
            is the plugin's setting, then boto3's own chain and the encryption of the bucket. `bucket_owner` is the account
            that the bucket belongs to, if it is not that of the credentials.
        settings: The settings of the plugin.
        aws: The account; by default that of settings and URI.

    Raises:
        SpecError: The URI names no bucket, or an unknown option.
    """

    def __init__(self, uri: str, settings: Mapping[str, Any], *, aws: Aws | None = None) -> None:
        parts = urlsplit(uri)
        options = _options(uri, parts.query)
        prefix = parts.path.strip("/")
        if parts.scheme != "s3" or not parts.netloc:
            message = f"a store in S3 is written as 's3://bucket/prefix', not {uri!r}"
            raise SpecError(message)
        try:
            of_plugin = SageMakerSettings.from_mapping(settings)
            # The setting is about the bucket of the settings, which may be another one.
            owner = of_plugin.bucket_owner if of_plugin.bucket == parts.netloc else ""
            merged = attrs.evolve(of_plugin, **{"bucket_owner": owner, **options})
        except ValueError as exc:
            message = f"store {uri!r}: {exc}"
            raise SpecError(message) from exc
        self._bucket = parts.netloc
        self._root = f"{prefix}/" if prefix else ""
        self._name = f"s3://{self._bucket}/{prefix}".rstrip("/")
        self._settings = merged
        self._aws = aws or Aws(merged)
        self._opened: Any = None
        query = urlencode({name: getattr(merged, name) for name in _OPTIONS if getattr(merged, name)}, safe=":/")
        self.uri = f"{self._name}?{query}" if query else self._name
        self._aws.expect_owner(self.uri)

    # -- the methods that every store has -------------------------------------------------------

    def put(self, key: str, data: bytes) -> None:
        with self._translated_errors():
            self._client.put_object(**self._address(key), Body=data, **self._extra(key))

    def get(self, key: str) -> bytes | None:
        with self._translated_errors():
            try:
                data: bytes = self._client.get_object(**self._address(key))["Body"].read()
            except ClientError as exc:
                if error_code(exc) not in _MISSING:
                    raise
                return None
        return data

    def list(self, prefix: str) -> Iterator[str]:
        for page in self._pages(prefix):
            for item in page:
                yield item["Key"].removeprefix(self._root)

    def delete(self, prefix: str) -> None:
        for page in self._pages(prefix):
            self._delete_page([item["Key"] for item in page])

    # -- faster than with those methods alone ---------------------------------------------------

    def files(self, prefix: str) -> Iterator[StoredFile]:
        for page in self._pages(prefix):
            for item in page:
                key = item["Key"].removeprefix(self._root)
                yield StoredFile(key, int(item["Size"]), item["LastModified"].timestamp())

    def delete_keys(self, keys: Iterable[str]) -> None:
        """Remove objects, a thousand with each request."""
        remaining = iter(keys)
        while page := [f"{self._root}{key}" for key in islice(remaining, _MOST_DELETED)]:
            self._delete_page(page)

    def suited(self, settings: Mapping[str, Mapping[str, Any]]) -> Store:
        """Encrypt with the key of the run's settings, unless the URI sets one. Profile and region stay as they are."""
        key = settings.get(PLUGIN, {}).get("kms_key", "")
        return S3Store(self.uri, {"kms_key": key}) if key and not self._settings.kms_key else self

    def locate(self, key: str) -> str:
        return f"{self._name}/{key}"

    def copy(self, source: str, target: str) -> None:
        """Copy inside S3."""
        with self._translated_errors():
            try:
                self._client.copy(self._address(source), *self._address(target).values(), ExtraArgs=self._encryption())
            except ClientError as exc:
                if error_code(exc) not in _MISSING:
                    raise

    @contextmanager
    def claim(self, prefix: str, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Lock on this machine only: two machines may make the same artifact at the same time."""
        with LocalStore(default_home()).claim(prefix, waiting=waiting):
            yield

    def remove_lock(self, prefix: str) -> None:
        LocalStore(default_home()).remove_lock(prefix)

    def upload(self, folder: Path, prefix: str) -> None:
        """Upload several files at the same time, large ones in parts, from the disk."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]

        def start(manager: Any) -> Iterator[Any]:
            for path in files:
                key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                yield manager.upload(str(path), *self._address(key).values(), extra_args=self._extra(key))

        self._transfer(start)

    def download(self, prefix: str, folder: Path) -> None:
        """Download several files at the same time, large ones in parts, to the disk."""
        root = folder.resolve()

        def start(manager: Any) -> Iterator[Any]:
            for key in self.list(f"{prefix}/"):
                target = (root / key.removeprefix(f"{prefix}/")).resolve()
                if root not in target.parents:
                    message = f"store {self._name!r}: the key {key!r} points outside of its folder"
                    raise StoreError(message)
                target.parent.mkdir(parents=True, exist_ok=True)
                yield manager.download(*self._address(key).values(), str(target))

        self._transfer(start)

    def read_lines(self, prefix: str) -> Iterator[bytes]:
        for key in self._segments(prefix):
            with tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES) as file:
                with self._translated_errors():
                    self._client.download_fileobj(*self._address(key).values(), file, Config=_TRANSFERS)
                file.seek(0)
                yield from (line for line in file if line.endswith(b"\n"))

    # -- S3 -------------------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        if self._opened is None:
            try:
                self._opened = self._aws.client("s3", Config(max_pool_connections=_TRANSFERS.max_request_concurrency))
            except UserError as exc:
                message = (
                    f"store {self._name!r}: {exc} (or set them in the URI: {self._name}?profile=NAME&region=REGION)"
                )
                raise StoreError(message) from exc
        return self._opened

    def _address(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._root}{key}"}

    def _extra(self, key: str) -> dict[str, str]:
        """Return the encryption of an object, and its content type, so that a browser shows a report."""
        kind, _ = mimetypes.guess_type(key)
        return {**self._encryption(), **({"ContentType": kind} if kind else {})}

    def _encryption(self) -> dict[str, str]:
        key = self._settings.kms_key
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}

    def _delete_page(self, keys: Sequence[str]) -> None:
        """Delete up to a thousand objects by their full keys."""
        with self._translated_errors():
            objects = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
            errors = self._client.delete_objects(Bucket=self._bucket, Delete=objects).get("Errors", ())
        for error in errors:
            reason = error.get("Message") or error["Code"]
            message = f"store {self._name!r}: {error['Key']!r} could not be deleted: {reason}"
            raise StoreError(message)

    def _pages(self, prefix: str) -> Iterator[tuple[Mapping[str, Any], ...]]:
        """Yield the objects whose keys have a prefix, sorted, up to a thousand at a time; their keys are full ones."""
        request = {"Bucket": self._bucket, "Prefix": f"{self._root}{prefix}"}
        with self._translated_errors():
            pages = iter(self._client.get_paginator("list_objects_v2").paginate(**request))
        while True:
            with self._translated_errors():
                page = next(pages, None)
            if page is None:
                return
            if objects := tuple(page.get("Contents", ())):
                yield objects

    def _transfer(self, start: Callable[[Any], Iterable[Any]]) -> None:
        with self._translated_errors(), create_transfer_manager(self._client, _TRANSFERS) as manager:
            for transfer in list(start(manager)):
                transfer.result()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn boto3's errors into a `StoreError` of one line."""
        try:
            yield
        except RetriesExceededError as exc:
            message = f"store {self._name!r}: AWS cannot be reached: {exc.last_exception}"
            raise StoreError(message) from exc
        except StoreError:
            raise
        except LLMOpsError as exc:  # the account, and so the owner of the bucket, is unknown
            message = f"store {self._name!r}: {exc}"
            raise StoreError(message) from exc
        except (BotoCoreError, ClientError) as exc:
            raise StoreError(self._message(exc)) from exc

    def _message(self, error: Exception) -> str:
        subject = f"store {self._name!r}"
        code = error_code(error)
        if code == "NoSuchBucket":
            return f"{subject}: there is no bucket {self._bucket!r}: create it with 'aws s3 mb s3://{self._bucket}', or correct the store's URI"
        if code in DENIED and isinstance(error, ClientError):
            needed = "s3:ListBucket on the bucket and s3:GetObject, s3:PutObject, s3:DeleteObject below the prefix"
            owner = self._aws.owner(self._bucket)
            owned = f", and a bucket of account {owner} (of another one: {self._name}?bucket_owner=ID)" if owner else ""
            return f"{subject}: AWS denied access: {error_text(error) or code}; a store needs {needed}{owned}"
        return str(translate(error, subject))


def _options(uri: str, query: str) -> dict[str, Any]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            message = f"store {uri!r} has no option {name!r}; available: {', '.join(_OPTIONS)}"
            raise SpecError(message)
    return options
