"""The AWS account of a run: session, clients, role and bucket, as the settings name them. Only this module makes boto3 clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.errors import DENIED, error_code, translated_errors
from llmops_plugins.sagemaker.settings import OWN_TAGS, SageMakerSettings
from llmops_plugins.sagemaker.user_config import UserConfig
from llmops_sdk.plugin import Context, EndpointError, UserError

RUN_TAG, STEP_TAG, EXPIRES_TAG = f"{OWN_TAGS}run-id", f"{OWN_TAGS}step", f"{OWN_TAGS}expires-at"

# botocore's "legacy" mode does not repeat Create requests, which have no idempotency token; "standard" repeats whatever
# is safe, and throttled requests.
QUICK = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 2})
"""For checks, which must not hang where there is no network."""

_CALLS = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=60)
_MISSING = frozenset({"404", "NoSuchBucket", "NotFound"})
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu")
_OWNER = "bucket_owner"


class Aws:
    """One account and region, as the settings name them. Creating the object sends no request.

    Args:
        settings: The settings of the plugin.
        session: The boto3 session; by default one for the profile and region of the settings.
    """

    def __init__(self, settings: SageMakerSettings, *, session: Any = None) -> None:
        self.settings = settings
        self._session = session
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()  # boto3 can make clients in one thread at a time only
        self._owners: dict[str, str] = {}
        self._owner_lock = threading.RLock()

    @classmethod
    def of(cls, context: Context) -> Aws:
        """Return the account in which a step works.

        Raises:
            UserError: The run is offline.
        """
        if context.offline:
            message = "SageMaker needs the network, but this run is offline: run it without --offline"
            raise UserError(message)
        return cls(SageMakerSettings.of(context))

    @cached_property
    def session(self) -> Any:
        """The boto3 session."""
        with translated_errors("AWS session"):
            session = self._session or boto3.Session(
                profile_name=self.settings.profile or None, region_name=self.settings.region or None
            )
        # Clients and resources that are made from it later have this handler too, those of the SageMaker SDK included.
        session.events.register("provide-client-params.s3", self._name_owner, unique_id="llmops-bucket-owner")
        return session

    @cached_property
    def config(self) -> UserConfig:
        """The user's SageMaker config."""
        return UserConfig(self.client)

    @property
    def region(self) -> str:
        """The region.

        Raises:
            UserError: No region is set.
        """
        region = self.session.region_name
        if not region:
            message = "no AWS region is set: with_settings('sagemaker', region='us-east-1'), or set AWS_DEFAULT_REGION"
            raise UserError(message)
        return str(region)

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a boto3 client. Clients without their own `config` are made once.

        Args:
            service: The name in boto3: `sagemaker`, `s3`, ...
            config: Merged into the usual configuration.
        """
        region = self.region
        with self._lock, translated_errors(f"AWS {service}"):
            if config is not None:
                return self.session.client(service, region_name=region, config=_CALLS.merge(config))
            if service not in self._clients:
                self._clients[service] = self.session.client(service, region_name=region, config=_CALLS)
            return self._clients[service]

    @cached_property
    def identity(self) -> Mapping[str, str]:
        """The caller's identity, as STS reports it: `Account`, `Arn` and `UserId`."""
        with translated_errors("AWS identity"):
            identity: Mapping[str, str] = self.client("sts").get_caller_identity()
            return identity

    # -- role -----------------------------------------------------------------------------------

    @cached_property
    def role(self) -> str:
        """The ARN of the execution role: from the settings, the user's SageMaker config, or the role of this process.

        Raises:
            UserError: There is no role.
        """
        role = self.settings.role or self.config.text("SageMaker", "TrainingJob", "RoleArn")
        if role.startswith("arn:"):
            return role
        if role:
            return self._role_arn(role)
        return self._own_role()

    def _role_arn(self, name: str) -> str:
        with translated_errors(f"role {name!r}"):
            try:
                return str(self.client("iam").get_role(RoleName=name)["Role"]["Arn"])
            except ClientError as exc:
                if error_code(exc) != "NoSuchEntity":
                    raise
                message = (
                    f"there is no role {name!r} in account {self.identity['Account']}: set the ARN of an existing one"
                )
                raise UserError(message) from exc

    def _own_role(self) -> str:
        """Return the role of this process, which it has in Studio or in a job."""
        arn = self.identity["Arn"]
        assumed = arn.partition(":assumed-role/")[2]
        if assumed:
            return self._role_arn(assumed.split("/")[0])
        message = (
            f"SageMaker needs an execution role, and {arn} is not a role:"
            " with_settings('sagemaker', role='arn:aws:iam::ACCOUNT:role/NAME')"
        )
        raise UserError(message)

    @property
    def vpc(self) -> dict[str, list[str]] | None:
        """The subnets and security groups of the settings, as requests have them; None without subnets."""
        if not self.settings.subnets:
            return None
        return {"Subnets": list(self.settings.subnets), "SecurityGroupIds": list(self.settings.security_groups)}

    # -- bucket ---------------------------------------------------------------------------------

    @cached_property
    def bucket_name(self) -> str:
        """The name of the bucket, which may not exist."""
        return self._set_bucket or f"sagemaker-{self.region}-{self.identity['Account']}"

    @cached_property
    def _set_bucket(self) -> str:
        keys = ("SageMaker", "PythonSDK", "Modules", "Session", "DefaultS3Bucket")
        return self.settings.bucket or self.config.text(*keys)

    @cached_property
    def bucket(self) -> str:
        """The bucket: from the settings, or the account's SageMaker bucket, which is created if missing.

        Raises:
            UserError: The bucket of the settings does not exist, or access is denied.
        """
        bucket = self.bucket_name
        if self.head_bucket() is None:
            if self._set_bucket:
                message = f"there is no bucket {bucket!r}: create it, or set another one with with_settings('sagemaker', bucket=...)"
                raise UserError(message)
            with translated_errors(f"bucket {bucket!r}"):
                self._create_bucket(bucket)
        return bucket

    def head_bucket(self) -> Mapping[str, Any] | None:
        """Return S3's answer about the bucket, or None if it does not exist.

        Raises:
            UserError: Access is denied, or it belongs to another account.
        """
        bucket = self.bucket_name
        with translated_errors(f"bucket {bucket!r}"):
            try:
                answer: Mapping[str, Any] = self.client("s3").head_bucket(Bucket=bucket)
            except ClientError as exc:
                if error_code(exc) in _MISSING:
                    return None
                if error_code(exc) not in DENIED:
                    raise
                message = (
                    f"bucket {bucket!r} belongs to another account than {self.owner(bucket) or 'yours'}, or AWS denied access to it: set"
                    f" another one with with_settings('sagemaker', bucket=...), or its account with {_OWNER}=..."
                )
                raise UserError(message) from exc
        return answer

    def _create_bucket(self, bucket: str) -> None:
        # us-east-1 is the one region that must not be named.
        place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}} if self.region != "us-east-1" else {}
        try:
            self.client("s3").create_bucket(Bucket=bucket, **place)
        except ClientError as exc:
            if error_code(exc) != "BucketAlreadyOwnedByYou":  # another step created it at the same time
                raise

    def uri(self, *keys: str) -> str:
        """Return the S3 URI of a key below the settings' prefix."""
        return "/".join((f"s3://{self.bucket}", self.settings.prefix, *keys))

    def upload(self, path: Path, uri: str) -> None:
        """Upload a file, encrypted with the key of the settings. An existing object of the same length is kept.

        These URIs contain the hash of the content: the same URI means the same bytes.
        """
        with path.open("rb") as file:
            self._put(file, path.stat().st_size, uri)

    def put(self, data: bytes, uri: str) -> None:
        """Upload bytes, as `upload` does."""
        self._put(data, len(data), uri)

    def _put(self, body: Any, length: int, uri: str) -> None:
        parts = urlsplit(uri)
        address = {"Bucket": parts.netloc, "Key": parts.path.lstrip("/")}
        key = self.settings.kms_key
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        s3 = self.client("s3")
        with translated_errors(f"upload to {uri!r}"):
            try:
                if s3.head_object(**address)["ContentLength"] == length:
                    return
            except ClientError as exc:
                # Without permission to list, S3 answers 403 for a missing key.
                if error_code(exc) not in {"404", "403", "NoSuchKey", "NotFound"}:
                    raise
            if isinstance(body, bytes):
                s3.put_object(Body=body, **address, **encrypted)
            else:
                s3.upload_fileobj(body, *address.values(), ExtraArgs=encrypted)

    # -- owners of buckets ----------------------------------------------------------------------

    def expect_owner(self, uri: str) -> None:
        """Expect that a bucket belongs to this account, or to the one in the URI: `s3://bucket/prefix?bucket_owner=ID`."""
        parts = urlsplit(uri)
        self._owners[parts.netloc] = dict(parse_qsl(parts.query)).get(_OWNER, "")

    def owner(self, bucket: str) -> str:
        """Return the account to which a bucket must belong, or an empty text for a bucket that others may own.

        S3 refuses each request to a bucket of another account: somebody else may have created it under its known name.
        """
        with self._owner_lock:
            if bucket in self._owners:
                owner = self._owners[bucket]
            elif bucket == vars(self).get("bucket_name"):  # while the name is being found out, others are asked
                owner = self.settings.bucket_owner
            else:
                return ""
            return owner or self._account

    @cached_property
    def _account(self) -> str:
        """The account of the credentials, or an empty text for an S3 of another vendor, which knows no accounts."""
        s3, sts = (urlsplit(self.client(name).meta.endpoint_url).hostname or "" for name in ("s3", "sts"))
        if s3.endswith(_AMAZON):
            return self.identity["Account"]
        if sts.endswith(_AMAZON):
            return ""
        try:
            return self.identity["Account"]
        except EndpointError:
            return ""

    def _name_owner(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Add the expected owners of the buckets to a request, before boto3 sends it."""
        members = model.input_shape.members if model.input_shape else {}
        source = params.get("CopySource")
        for member, bucket in (
            ("ExpectedBucketOwner", params.get("Bucket")),
            ("ExpectedSourceBucketOwner", source.get("Bucket") if isinstance(source, Mapping) else None),
        ):
            if member in members and member not in params and bucket and (owner := self.owner(bucket)):
                params[member] = owner

    # -- tags and logs --------------------------------------------------------------------------

    def tags(self, context: Context) -> list[dict[str, str]]:
        """Return the tags of the resources that a step creates: those of the settings, and its run, step and expiry."""
        tags = {
            **self.settings.tags,
            RUN_TAG: context.run_id,
            STEP_TAG: context.step,
            EXPIRES_TAG: self.expires(),
        }
        return [{"Key": name, "Value": value} for name, value in tags.items()]

    def tags_of(self, arn: str) -> dict[str, str]:
        """Return the tags of a SageMaker resource.

        Raises:
            ClientError: It does not exist, or access is denied.
        """
        pages = self.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def expires(self, seconds: float = 0.0) -> str:
        """Return when a resource that is created now, and may be in use for `seconds`, expires."""
        until = time.time() + max(self.settings.expire_hours * 3600, seconds)
        return datetime.fromtimestamp(until, timezone.utc).isoformat(timespec="seconds")

    def renewed(self, tags: Iterable[Mapping[str, str]], seconds: float = 0.0) -> list[dict[str, str]]:
        """Return tags with the expiry of a resource that is created now; see `expires`."""
        return [{**tag, "Value": self.expires(seconds)} if tag["Key"] == EXPIRES_TAG else dict(tag) for tag in tags]

    def last_log_lines(self, group: str, prefix: str, lines: int = 8) -> list[str]:
        """Return the last lines of the newest CloudWatch log stream with a prefix; none if they cannot be read."""
        logs = self.client("logs")
        try:
            filters = {"logStreamNamePrefix": prefix} if prefix else {}
            streams = logs.describe_log_streams(logGroupName=group, **filters)["logStreams"]
            newest = max(streams, key=lambda stream: stream.get("lastEventTimestamp", 0))["logStreamName"]
            events = logs.get_log_events(logGroupName=group, logStreamName=newest, limit=lines, startFromHead=False)
        except (BotoCoreError, ClientError, ValueError, KeyError):
            return []
        return [" ".join(event["message"].split()) for event in events["events"]][-lines:]
