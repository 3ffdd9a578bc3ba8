"""The AWS side of a run: session, clients, role and bucket, from the settings. The one module that makes boto3 clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.errors import error_code, told
from llmops_plugins.sagemaker.aws.settings import OWN_TAGS, SageMakerSettings
from llmops_sdk.plugin import Context, UserError

RUN_TAG, STEP_TAG, EXPIRES_TAG = f"{OWN_TAGS}run-id", f"{OWN_TAGS}step", f"{OWN_TAGS}expires-at"

# Create requests are not repeated by botocore's "legacy" mode for want of an idempotency token; "standard" repeats what
# is safe, and throttled requests.
_CALLS = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=60)
_MISSING = frozenset({"404", "NoSuchBucket", "NotFound"})


class Aws:
    """One account and region, as the settings name it. Making one touches nothing.

    Args:
        settings: Of the plugin.
    """

    def __init__(self, settings: SageMakerSettings) -> None:
        self.settings = settings
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()  # boto3 makes clients in one thread at a time only

    @classmethod
    def of(cls, context: Context) -> Aws:
        """Return the account that a step works in.

        Raises:
            UserError: The run is offline.
        """
        if context.offline:
            message = "SageMaker needs the network, and this run is offline: run it without --offline"
            raise UserError(message)
        return cls(SageMakerSettings.of(context))

    @cached_property
    def session(self) -> Any:
        """The boto3 session."""
        with told("AWS session"):
            return boto3.Session(profile_name=self.settings.profile or None, region_name=self.settings.region or None)

    @property
    def region(self) -> str:
        """The region.

        Raises:
            UserError: None is known.
        """
        region = self.session.region_name
        if not region:
            message = (
                "no AWS region is known: with_settings('sagemaker', region='us-east-1'), or set AWS_DEFAULT_REGION"
            )
            raise UserError(message)
        return str(region)

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a client; those without a `config` of their own are made once.

        Args:
            service: As boto3 names it: `sagemaker`, `s3`, ...
            config: On top of the usual one.
        """
        region = self.region
        with self._making, told(f"AWS {service}"):
            if config is not None:
                return self.session.client(service, region_name=region, config=_CALLS.merge(config))
            if service not in self._clients:
                self._clients[service] = self.session.client(service, region_name=region, config=_CALLS)
            return self._clients[service]

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """Who this is: `Account`, `Arn` and `UserId`, as STS tells."""
        with told("AWS identity"):
            found: Mapping[str, str] = self.client("sts").get_caller_identity()
            return found

    # -- role -----------------------------------------------------------------------------------

    @cached_property
    def role(self) -> str:
        """The ARN of the execution role: the settings', the user's SageMaker config's, or that of this very process.

        Raises:
            UserError: There is none.
        """
        named = self.settings.role or _configured_role(self)
        if named.startswith("arn:"):
            return named
        if named:
            return self._role_arn(named)
        return self._own_role()

    def _role_arn(self, name: str) -> str:
        with told(f"role {name!r}"):
            try:
                return str(self.client("iam").get_role(RoleName=name)["Role"]["Arn"])
            except ClientError as exc:
                if error_code(exc) != "NoSuchEntity":
                    raise
                message = f"there is no role {name!r} in account {self.identity['Account']}: give the ARN of one"
                raise UserError(message) from exc

    def _own_role(self) -> str:
        """Return the role that this process runs as, as it does in Studio or in a job."""
        arn = self.identity["Arn"]
        rest = arn.partition(":assumed-role/")[2]
        if rest:
            return self._role_arn(rest.split("/")[0])
        message = (
            f"SageMaker needs an execution role, and {arn} is none:"
            " with_settings('sagemaker', role='arn:aws:iam::ACCOUNT:role/NAME')"
        )
        raise UserError(message)

    # -- bucket ---------------------------------------------------------------------------------

    @cached_property
    def bucket_name(self) -> str:
        """The name of the bucket, which may not be there."""
        return self._named_bucket or f"sagemaker-{self.region}-{self.identity['Account']}"

    @cached_property
    def _named_bucket(self) -> str:
        return self.settings.bucket or _configured_bucket(self)

    @cached_property
    def bucket(self) -> str:
        """The bucket, which is there: the settings', or the account's SageMaker bucket, made where it is missing.

        Raises:
            UserError: It is not there or not ours.
        """
        named, bucket = self._named_bucket, self.bucket_name
        s3 = self.client("s3")
        with told(f"bucket {bucket!r}"):
            try:
                s3.head_bucket(Bucket=bucket)
            except ClientError as exc:
                if error_code(exc) not in _MISSING:
                    raise
                if named:
                    message = f"there is no bucket {bucket!r}: make it, or name another with with_settings('sagemaker', bucket=...)"
                    raise UserError(message) from exc
                self._make_bucket(bucket)
        return bucket

    def _make_bucket(self, bucket: str) -> None:
        # us-east-1 is the one region that may not be named.
        place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}} if self.region != "us-east-1" else {}
        try:
            self.client("s3").create_bucket(Bucket=bucket, **place)
        except ClientError as exc:
            if error_code(exc) != "BucketAlreadyOwnedByYou":  # another step made it at the same time
                raise

    def uri(self, *keys: str) -> str:
        """Return the S3 URI of a key below the settings' prefix."""
        return "/".join((f"s3://{self.bucket}", self.settings.prefix, *keys))

    def upload(self, path: Path, uri: str) -> None:
        """Put a file at a URI, encrypted with the settings' key; a file of the same length there is kept.

        Such URIs have the hash of the content in them, so that the same name means the same bytes.
        """
        with path.open("rb") as file:
            self._put(file, path.stat().st_size, uri)

    def put(self, data: bytes, uri: str) -> None:
        """Put bytes at a URI, as `upload` does."""
        self._put(data, len(data), uri)

    def _put(self, body: Any, length: int, uri: str) -> None:
        parts = urlsplit(uri)
        place = {"Bucket": parts.netloc, "Key": parts.path.lstrip("/")}
        key = self.settings.kms_key
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        s3 = self.client("s3")
        with told(f"upload to {uri!r}"):
            try:
                if s3.head_object(**place)["ContentLength"] == length:
                    return
            except ClientError as exc:
                # Without the right to list, S3 says 403 of a key that is not there.
                if error_code(exc) not in {"404", "403", "NoSuchKey", "NotFound"}:
                    raise
            if isinstance(body, bytes):
                s3.put_object(Body=body, **place, **encrypted)
            else:
                s3.upload_fileobj(body, *place.values(), ExtraArgs=encrypted)

    # -- tags and logs --------------------------------------------------------------------------

    def tags(self, context: Context) -> list[dict[str, str]]:
        """Return the tags of what a step creates: the settings', and by whom, where and until when."""
        tags = {
            **self.settings.tags,
            RUN_TAG: context.run_id,
            STEP_TAG: context.step,
            EXPIRES_TAG: self.expires(),
        }
        return [{"Key": name, "Value": value} for name, value in tags.items()]

    def tags_of(self, arn: str) -> dict[str, str]:
        """Return the tags of something on SageMaker.

        Raises:
            ClientError: It is gone, or not ours.
        """
        pages = self.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def expires(self, seconds: float = 0.0) -> str:
        """Return until when a sweep does not take for forgotten what is created now, and may be in use for so long."""
        until = time.time() + max(self.settings.expire_hours * 3600, seconds)
        return datetime.fromtimestamp(until, timezone.utc).isoformat(timespec="seconds")

    def last_log_lines(self, group: str, prefix: str, lines: int = 8) -> list[str]:
        """Return the end of the newest CloudWatch log stream that begins so; none where it cannot be read."""
        logs = self.client("logs")
        try:
            chosen = {"logStreamNamePrefix": prefix} if prefix else {}
            streams = logs.describe_log_streams(logGroupName=group, **chosen)["logStreams"]
            newest = max(streams, key=lambda stream: stream.get("lastEventTimestamp", 0))["logStreamName"]
            events = logs.get_log_events(logGroupName=group, logStreamName=newest, limit=lines, startFromHead=False)
        except (BotoCoreError, ClientError, ValueError, KeyError):
            return []
        return [" ".join(event["message"].split()) for event in events["events"]][-lines:]


def _configured_role(aws: Aws) -> str:
    from llmops_plugins.sagemaker.sdk.config import configured

    return configured(aws, "SageMaker", "TrainingJob", "RoleArn")


def _configured_bucket(aws: Aws) -> str:
    from llmops_plugins.sagemaker.sdk.config import configured

    return configured(aws, "SageMaker", "PythonSDK", "Modules", "Session", "DefaultS3Bucket")
