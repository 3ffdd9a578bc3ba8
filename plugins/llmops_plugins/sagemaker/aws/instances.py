"""Instance types with local storage, for which SageMaker refuses a key that encrypts volumes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_TYPE = re.compile(r"(?:ml\.)?(?P<family>[a-z]+)(?P<generation>\d+)(?P<attributes>[a-z]*)(?:-[a-z0-9-]+)?\.[a-z0-9-]+")

_ALWAYS_LOCAL = {"g": 5, "gr": 6, "p": 5, "trn": 1, "dl": 1, "i": 1, "im": 1, "is": 1, "f": 1, "d": 1, "h": 1}
"""Families whose instances have local storage without a `d` in their names, from this generation on."""

_EXCEPT = frozenset({"g5g", "dl2q"})


def local_storage(instance_type: str) -> bool:
    """Return whether instances of a type have local storage (instance store volumes), such as `ml.g5.2xlarge`.

    SageMaker refuses a `VolumeKmsKeyId` or an endpoint configuration's `KmsKeyId` for them: a hardware module of the
    instance encrypts the local storage. EC2 marks most of these types with a `d` after the generation (`m5d`, `g4dn`,
    `p4d`); the others are families of their own. A text that is no instance type has none.

    Sources: ResourceConfig (`VolumeKmsKeyId`) and CreateEndpointConfig (`KmsKeyId`) in the Amazon SageMaker API Reference;
    "Instance type naming conventions" and "Instance store volumes" in the guides of Amazon EC2. The SageMaker Python SDK has
    a rule for some of these families: `sagemaker.utils.instance_supports_kms`.
    """
    match = _TYPE.fullmatch(instance_type)
    if match is None:
        return False
    family, generation, attributes = match["family"], int(match["generation"]), match["attributes"]
    if f"{family}{generation}{attributes}" in _EXCEPT:
        return False
    return "d" in attributes or generation >= _ALWAYS_LOCAL.get(family, generation + 1)


def without_refused_key(config: Mapping[str, Any], key: str, instance_types: Iterable[str]) -> dict[str, Any]:
    """Return a part of a request without the key that encrypts its volumes, if an instance has local storage.

    Args:
        config: A `ResourceConfig`, or the request for an endpoint configuration.
        key: The name of the key in it: `VolumeKmsKeyId` or `KmsKeyId`.
        instance_types: The types of its instances.
    """
    refused = any(local_storage(instance_type) for instance_type in instance_types)
    return {name: value for name, value in config.items() if not (refused and name == key)}


def volume_is_chosen(instance_type: str) -> bool:
    """Return whether the size of a volume that a JumpStart model asks for counts on an instance type.

    Types with local storage have none to choose. The rule is that of SageMaker SDK 2.257 (`sagemaker.utils.volume_size_supported`),
    which knows fewer such types than `local_storage`.
    """
    family = instance_type.removeprefix("ml.").partition(".")[0]
    return "d" not in family and not family.startswith(("g5", "g6", "p5", "trn1"))
