"""What is looked at before a run costs anything: image, role, bucket and quotas. Nothing is changed by it."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.errors import DENIED, error_code, told
from llmops_plugins.sagemaker.aws.settings import PLUGIN, SageMakerSettings
from llmops_plugins.sagemaker.jumpstart.spec import UnreachableError, read_spec
from llmops_sdk.plugin import BaseModel, Check, Finding, LLMOpsError, did_you_mean

DEFAULT_IMAGES = ("3.8", "3.10")
"""Python minors for which the SageMaker SDK has an image of its own."""

_PYTHON_OF_IMAGE = re.compile(r"[:-]py(3)(\d{1,2})(?![0-9])")
_BROKEN_SDK = "2.256.0"
_OWN_IMAGE = "SageMaker's own image"
_TRUSTED = "sagemaker.amazonaws.com"
_QUOTAS: dict[tuple[str, str], tuple[float, Mapping[str, float]]] = {}
_REMEMBERED_SECONDS = 60.0
"""How long quotas are not asked again, of which SageMaker has a thousand, in pages of a hundred."""

_QUICK = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 2})

_MORE = "ask for more in Service Quotas, or take another instance type"


class Guards:
    """The checks of one account, as the settings name it.

    Args:
        settings: Of all plugins.
    """

    def __init__(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        self._aws = Aws(SageMakerSettings.from_mapping(settings.get(PLUGIN, {})))

    def image(self) -> Check:
        """Python's minor version in the steps' image must be this one's, since functions are pickled."""
        return Check("image of the steps", self._look_at_image)

    def account(self) -> Iterator[Check]:
        """Region, role and bucket."""
        yield Check("AWS region", self._look_at_region)
        yield Check("SageMaker role", self._look_at_role)
        yield Check("S3 bucket", self._look_at_bucket)

    def training_quota(self, base: BaseModel, instance: str, count: int, *, spot: bool) -> Check:
        """The quota for the instances of a training job; without an instance type, the model's default one."""
        usage = "spot training job usage" if spot else "training job usage"
        known = instance or self._default(base, "training_instance")
        return self._quota(known, usage, count)

    def endpoint_quota(self, base: BaseModel, instance: str, count: int) -> Check:
        """The quota for the instances of an endpoint; without an instance type, the model's default one."""
        return self._quota(instance or self._default(base, "hosting_instance"), "endpoint usage", count)

    def step_quota(self, instance: str, *, warm_pool: bool) -> Check:
        """The quota for the steps of a pipeline, which are training jobs, or for those that are kept warm."""
        return self._quota(instance, "training warm pool usage" if warm_pool else "training job usage", 1)

    # -------------------------------------------------------------------------------------------

    def _look_at_image(self) -> Finding:
        here, sdk_version = ".".join(map(str, sys.version_info[:2])), version("sagemaker")
        if sdk_version == _BROKEN_SDK:
            return Finding("error", f"sagemaker {sdk_version} cannot run steps", "pip install 'sagemaker>=2.256.1,<3'")
        image = self._aws.settings.image_uri or self._configured_image()
        if not image and here not in DEFAULT_IMAGES:
            return Finding("error", f"SageMaker has none for Python {here}", image_hint(here, sdk_version))
        found = _PYTHON_OF_IMAGE.search(image)
        if found and ".".join(found.groups()) != here:
            there = ".".join(found.groups())
            return Finding("error", f"{image} has Python {there}, and this is {here}", image_hint(here, sdk_version))
        return Finding("ok", f"{image or _OWN_IMAGE}; Python {here}, sagemaker {sdk_version}")

    def _configured_image(self) -> str:
        from llmops_plugins.sagemaker.sdk.config import remote_function_config

        return str(remote_function_config(self._aws).get("ImageUri", ""))

    def _look_at_region(self) -> Finding:
        """Compare the region with those that the installed boto3 knows, which may be older than the newest ones."""
        region, session = self._aws.region, self._aws.session
        known = [
            name
            for partition in session.get_available_partitions()
            for name in session.get_available_regions("sagemaker", partition_name=partition)
        ]
        if region in known:
            return Finding("ok", region)
        return Finding("warning", f"boto3 knows no SageMaker in {region!r}{did_you_mean(region, known)}")

    def _look_at_role(self) -> Finding:
        role = self._aws.role
        account, name = role.split(":")[4], role.rpartition("/")[2]
        if account != self._aws.identity["Account"]:
            return Finding("ok", f"{role}, of another account: not looked at")
        try:
            with told(f"role {role!r}"):
                found = self._aws.client("iam").get_role(RoleName=name)["Role"]
        except LLMOpsError as exc:
            code = error_code(exc.__cause__) if exc.__cause__ else ""
            if code == "NoSuchEntity":
                return Finding("error", f"there is no {role}", "with_settings('sagemaker', role=...)")
            if code in DENIED:
                return Finding("ok", f"{role}; who may take it cannot be read")
            raise
        if _TRUSTED not in json.dumps(found.get("AssumeRolePolicyDocument", _TRUSTED)):
            return Finding(
                "error", f"{role} cannot be taken by SageMaker", f"let its trust policy name {_TRUSTED} as a service"
            )
        return Finding("ok", role)

    def _look_at_bucket(self) -> Finding:
        bucket, region = self._aws.bucket_name, self._aws.region
        try:
            with told(f"bucket {bucket!r}"):
                found = self._aws.client("s3").head_bucket(Bucket=bucket)
        except LLMOpsError as exc:
            code = error_code(exc.__cause__) if exc.__cause__ else ""
            if code not in ("404", "NoSuchBucket", "NotFound"):
                raise
            if self._aws.settings.bucket:
                return Finding("error", f"there is no bucket {bucket!r}", "make it, or name another one")
            return Finding("ok", f"{bucket}, which will be made")
        there = found["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", region)
        if there != region:
            return Finding(
                "error", f"{bucket!r} is in {there}, and the jobs in {region}", "both must be in the same region"
            )
        return Finding("ok", bucket)

    def _default(self, base: BaseModel, field: str) -> str:
        try:
            return str(getattr(read_spec(self._aws, base.source, base.version), field))
        except UnreachableError:
            return ""

    def _quota(self, instance: str, usage: str, count: int) -> Check:
        name = f"{instance} for {usage}"

        def look() -> Finding:
            quotas = self._quotas() if instance else {}
            if name not in quotas:
                return Finding("ok", "cannot be read, and is not looked at")
            if quotas[name] < count:
                text = (
                    f"it is {quotas[name]:g} in {self._aws.region}, and {count} {'is' if count == 1 else 'are'} needed"
                )
                return Finding("error", text, _MORE)
            return Finding("ok", f"{quotas[name]:g}")

        return Check(f"quota {name}" if instance else f"quota for {usage}", look)

    def _quotas(self) -> Mapping[str, float]:
        """Return the account's quotas by their names; none where they cannot be read."""
        credentials = self._aws.session.get_credentials()
        key = (credentials.access_key if credentials else "", self._aws.region)
        when, known = _QUOTAS.get(key, (0.0, {}))
        if time.monotonic() - when < _REMEMBERED_SECONDS and when:
            return known
        try:
            pages = (
                self._aws.client("service-quotas", _QUICK)
                .get_paginator("list_service_quotas")
                .paginate(ServiceCode="sagemaker")
            )
            known = {quota["QuotaName"]: float(quota["Value"]) for page in pages for quota in page["Quotas"]}
        except (BotoCoreError, ClientError, KeyError):
            known = {}
        _QUOTAS[key] = time.monotonic(), known
        return known


def image_hint(python: str, sdk_version: str) -> str:
    """Say what image is needed, and how it is named."""
    return f"name one with Python {python} and sagemaker {sdk_version} in it: with_settings('sagemaker', image_uri=...)"
