"""The checks of an AWS account before a run costs anything: credentials, region, role, bucket, key, quotas. They change nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import QUICK, Aws
from llmops_plugins.sagemaker.aws.keys import key_check
from llmops_plugins.sagemaker.errors import DENIED, error_code, translated_errors
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import Check, Finding, LLMOpsError, did_you_mean

_TRUSTED = "sagemaker.amazonaws.com"
_QUOTAS: dict[tuple[str, str], tuple[float, Mapping[str, float]]] = {}
_QUOTAS_SECONDS = 60.0
"""How long quotas are kept: SageMaker has a thousand of them, in pages of a hundred."""


JOBS, SPOT_JOBS, ENDPOINTS = "training job usage", "spot training job usage", "endpoint usage"
"""What instances are used for, as Service Quotas call it."""

_MORE = "request an increase in Service Quotas, or use another instance type"


class Preflight:
    """The checks of one account.

    Args:
        settings: The settings that name the account.

    Attributes:
        aws: The account.
    """

    def __init__(self, settings: SageMakerSettings) -> None:
        self.aws = Aws(settings)

    def account(self) -> Iterator[Check]:
        """Yield the checks of credentials, region, role and bucket, and of the key if there is one."""
        yield Check("AWS account", self._check_identity)
        yield Check("AWS region", self._check_region)
        yield Check("SageMaker role", self._check_role)
        yield Check("S3 bucket", self._check_bucket)
        if self.aws.settings.kms_key:
            yield key_check(self.aws)

    def training_quota(self, instance_type: str, count: int, *, spot: bool) -> Check:
        """Return the check of the quota for a training job. An empty instance type is unknown and passes."""
        return self._quota(instance_type, SPOT_JOBS if spot else JOBS, count)

    def endpoint_quota(self, instance_type: str, count: int) -> Check:
        """Return the check of the quota for an endpoint. An empty instance type is unknown and passes."""
        return self._quota(instance_type, ENDPOINTS, count)

    def step_quota(self, instance_type: str, *, warm_pool: bool) -> Check:
        """Return the check of the quota for the steps of a pipeline, which are training jobs, or for their warm pool."""
        return self.warm_pool_quota(instance_type, 1) if warm_pool else self._quota(instance_type, JOBS, 1)

    def warm_pool_quota(self, instance_type: str, count: int) -> Check:
        """Return the check of the quota for instances that are kept after a job."""
        return self._quota(instance_type, "training warm pool usage", count)

    def shared_quota(self, instance_type: str, usage: str, counts: Sequence[int]) -> Check:
        """Return the check of a quota that jobs or endpoints share: if it is too small for all, they wait for each other.

        Args:
            instance_type: The type; an empty one is unknown and passes.
            usage: `JOBS`, `SPOT_JOBS` or `ENDPOINTS`.
            counts: The instances of each that may run at the same time.
        """
        name = f"{instance_type} for {usage}"

        def check() -> Finding:
            quota = self._quotas().get(name) if instance_type else None
            if quota is None:
                return Finding("ok", "cannot be read: not checked")
            if quota < max(counts):
                text = f"the quota is {quota:g} in {self.aws.region}; this run needs {max(counts)}"
                return Finding("error", text, _MORE)
            if quota < sum(counts):
                text = (
                    f"{len(counts)} steps side by side need {sum(counts)} x {instance_type}, and the quota is {quota:g} in"
                    f" {self.aws.region}: they will wait for each other"
                )
                return Finding("warning", text, f"{_MORE}; or set max_parallel={quota // max(counts):g}")
            return Finding("ok", f"{quota:g}")

        return Check(f"quota {name}, all steps", check)

    # -------------------------------------------------------------------------------------------

    def _check_identity(self) -> Finding:
        identity = self.aws.identity
        return Finding("ok", f"{identity['Account']}, as {identity['Arn']}")

    def _check_region(self) -> Finding:
        """Compare the region with those of the installed boto3, which may not know the newest ones."""
        region, session = self.aws.region, self.aws.session
        known = [
            name
            for partition in session.get_available_partitions()
            for name in session.get_available_regions("sagemaker", partition_name=partition)
        ]
        if region in known:
            return Finding("ok", region)
        return Finding("warning", f"boto3 knows no SageMaker in {region!r}{did_you_mean(region, known)}")

    def _check_role(self) -> Finding:
        own = self.aws.identity["Account"]  # first, so that missing credentials are one error of all checks
        arn = self.aws.role
        account, name = arn.split(":")[4], arn.rpartition("/")[2]
        if account != own:
            return Finding("ok", f"{arn}, in another account: not checked")
        try:
            with translated_errors(f"role {arn!r}"):
                role = self.aws.client("iam").get_role(RoleName=name)["Role"]
        except LLMOpsError as exc:
            code = error_code(exc.__cause__) if exc.__cause__ else ""
            if code == "NoSuchEntity":
                return Finding("error", f"there is no {arn}", "with_settings('sagemaker', role=...)")
            if code in DENIED:
                return Finding("ok", f"{arn}; no permission to read its trust policy")
            raise
        if _TRUSTED not in json.dumps(role.get("AssumeRolePolicyDocument", _TRUSTED)):
            return Finding("error", f"SageMaker cannot assume {arn}", f"add the service {_TRUSTED} to its trust policy")
        return Finding("ok", arn)

    def _check_bucket(self) -> Finding:
        bucket, region = self.aws.bucket_name, self.aws.region
        answer = self.aws.head_bucket()
        if answer is None:
            if self.aws.settings.bucket:
                return Finding("error", f"there is no bucket {bucket!r}", "create it, or set another one")
            return Finding("ok", f"{bucket}, which will be created")
        bucket_region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", region)
        if bucket_region != region:
            text = f"{bucket!r} is in {bucket_region}, but the jobs run in {region}"
            return Finding("error", text, "both must be in the same region")
        return Finding("ok", bucket)

    def _quota(self, instance_type: str, usage: str, count: int) -> Check:
        name = f"{instance_type} for {usage}"

        def check() -> Finding:
            quotas = self._quotas() if instance_type else {}
            if name not in quotas:
                return Finding("ok", "cannot be read: not checked")
            if quotas[name] < count:
                text = f"the quota is {quotas[name]:g} in {self.aws.region}; this run needs {count}"
                return Finding("error", text, _MORE)
            return Finding("ok", f"{quotas[name]:g}")

        return Check(f"quota {name}" if instance_type else f"quota for {usage}", check)

    def _quotas(self) -> Mapping[str, float]:
        """Return the account's quotas by name; none if they cannot be read."""
        credentials = self.aws.session.get_credentials()
        key = (credentials.access_key if credentials else "", self.aws.region)
        when, quotas = _QUOTAS.get(key, (0.0, {}))
        if time.monotonic() - when < _QUOTAS_SECONDS and when:
            return quotas
        try:
            pages = (
                self.aws.client("service-quotas", QUICK)
                .get_paginator("list_service_quotas")
                .paginate(ServiceCode="sagemaker")
            )
            quotas = {quota["QuotaName"]: float(quota["Value"]) for page in pages for quota in page["Quotas"]}
        except (BotoCoreError, ClientError, KeyError):
            quotas = {}
        _QUOTAS[key] = time.monotonic(), quotas
        return quotas
