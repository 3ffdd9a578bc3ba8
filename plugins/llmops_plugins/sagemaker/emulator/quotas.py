"""The quotas of the emulated account: Service Quotas lists them, and SageMaker refuses what exceeds them, in AWS's words."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from moto.sagemaker.responses import SageMakerResponse
from moto.servicequotas.responses import ServiceQuotasResponse

_RUNNING = ("InProgress", "Stopping")
_ENDPOINTS, _JOBS, _SPOT_JOBS = "endpoint usage", "training job usage", "spot training job usage"

_Instances = Iterator[tuple[str, int]]
"""The names of quotas, each with the instances that something needs of it."""


class QuotaError(ServiceException):
    """More instances than a quota allows.

    Args:
        name: The name of the quota.
        quota: Its value.
        used: The instances in use.
        requested: The instances of the request.
    """

    def __init__(self, name: str, quota: float, used: int, requested: int) -> None:
        message = (
            f"The account-level service limit '{name}' is {quota:g} Instances, with current utilization of {used} Instances"
            f" and a request delta of {requested} Instances. Please use AWS Service Quotas to request an increase for this"
            " quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota."
        )
        super().__init__("ResourceLimitExceeded", message)


def limit_moto(quotas: Mapping[str, float]) -> None:
    """Let moto have quotas, by their names in Service Quotas; what has no quota is not limited.

    The steps of pipelines do not count: how many of them run is an option of the rehearsal.
    """
    one_at_a_time = threading.Lock()

    def limited(create: Callable[[Any], Any], needed: Callable[[Any], _Instances]) -> Callable[[Any], Any]:
        def create_within_quotas(self: Any) -> Any:
            with one_at_a_time:
                for name, count in needed(self):
                    used = _used(self.sagemaker_backend, name)
                    if name in quotas and used + count > quotas[name]:
                        raise QuotaError(name, quotas[name], used, count)
                return create(self)

        return create_within_quotas

    def list_service_quotas(_self: Any) -> str:
        listed = [{"ServiceCode": "sagemaker", "QuotaName": name, "Value": value} for name, value in quotas.items()]
        return json.dumps({"Quotas": listed})

    sagemaker: Any = SageMakerResponse
    service_quotas: Any = ServiceQuotasResponse
    sagemaker.create_training_job = limited(sagemaker.create_training_job, _of_job_request)
    sagemaker.create_endpoint = limited(sagemaker.create_endpoint, _of_endpoint_request)
    service_quotas.list_service_quotas = list_service_quotas


def _of_job_request(response: Any) -> _Instances:
    spot = bool(response._get_param("EnableManagedSpotTraining"))  # noqa: SLF001 - moto's own way
    yield _of_job(response._get_param("ResourceConfig"), spot=spot)  # noqa: SLF001 - as above


def _of_endpoint_request(response: Any) -> _Instances:
    config = response._get_param("EndpointConfigName")  # noqa: SLF001 - moto's own way
    yield from _of_config(response.sagemaker_backend, config)


def _used(backend: Any, name: str) -> int:
    """Return the instances that count for a quota."""
    if name.endswith(_ENDPOINTS):
        configs = [endpoint.endpoint_config_name for endpoint in backend.endpoints.values()]
        return sum(count for config in configs for each, count in _of_config(backend, config) if each == name)
    jobs = [
        _of_job(job.resource_config, spot=bool(job.enable_managed_spot_training))
        for job in backend.training_jobs.values()
        if job.training_job_status in _RUNNING
    ]
    return sum(count for each, count in jobs if each == name)


def _of_job(resources: Mapping[str, Any], *, spot: bool) -> tuple[str, int]:
    return f"{resources['InstanceType']} for {_SPOT_JOBS if spot else _JOBS}", int(resources.get("InstanceCount", 1))


def _of_config(backend: Any, config: str) -> _Instances:
    for variant in backend.describe_endpoint_config(config)["ProductionVariants"]:
        yield f"{variant['InstanceType']} for {_ENDPOINTS}", int(variant.get("InitialInstanceCount", 1))
