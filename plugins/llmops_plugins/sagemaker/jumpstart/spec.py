"""The metadata that SageMaker JumpStart publishes: the list of its models, and the specification of each.

It is read from JumpStart's bucket of the region, or from the bucket or folders that the SageMaker SDK's variables name, without
importing the SDK: `build()` checks a pipeline in the time of two S3 requests.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from botocore.exceptions import ClientError

from llmops_plugins.sagemaker.aws.account import QUICK, Aws
from llmops_plugins.sagemaker.errors import error_code, translated_errors
from llmops_plugins.sagemaker.jumpstart.fields import is_packaged
from llmops_plugins.sagemaker.jumpstart.form import check_form
from llmops_sdk.plugin import EndpointError, LLMOpsError, UserError, did_you_mean

MANIFEST = "models_manifest.json"
_ROOTS = ("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE", "AWS_JUMPSTART_SPECS_LOCAL_ROOT_DIR_OVERRIDE")
_BUCKET = "AWS_JUMPSTART_CONTENT_BUCKET_OVERRIDE"
_NOT_MODIFIED = "304"
_READ: dict[tuple[str, str, str], tuple[str, Any]] = {}
"""What was read from S3, with its version: the list of models has megabytes, and the checks of a plan read it for each model."""

_KNOWN_SDK = (2, 257)
"""The version of the SageMaker SDK whose requests `requests.py` makes: models for newer ones may need others."""

_OF_ENTRY = {"model_id", "version", "spec_key"}
"""The fields that every entry of the list of models has."""

_NUMBER = re.compile(r"\d+")


class UnreachableError(EndpointError):
    """JumpStart's metadata cannot be read now."""


@attrs.frozen
class Hyperparameter:
    """One hyperparameter of a model's training.

    Attributes:
        name: The name.
        type: `int`, `float`, `text` or `bool`.
        default: The default, as text.
        options: The allowed values, or empty for any.
        low: The smallest number or length; None for any.
        high: The largest number or length; None for any.
        above: The value must be greater than this; None for any.
        below: The value must be less than this; None for any.
    """

    name: str
    type: str
    default: str
    options: tuple[str, ...]
    low: float | None
    high: float | None
    above: float | None
    below: float | None

    def problem(self, value: str) -> str:
        """Return the problem of a value, or an empty text."""
        if self.options and value not in self.options:
            return f"{self.name!r} must be one of {', '.join(self.options)}, not {value!r}"
        if self.type == "bool":
            return "" if value.lower() in ("true", "false") else f"{self.name!r} must be True or False, not {value!r}"
        if self.type == "text":
            return self._out_of_range(len(value), "the length of ", value)
        if self.type == "int" and not re.fullmatch(r"[+-]?\d+", value):
            return f"{self.name!r} must be a whole number, not {value!r}"
        try:
            number = float(value)
        except ValueError:
            return f"{self.name!r} must be a number, not {value!r}"
        return self._out_of_range(number, "", value)

    def _out_of_range(self, number: float, subject: str, value: str) -> str:
        bounds = (
            (self.low, "at least", self.low is not None and number < self.low),
            (self.high, "at most", self.high is not None and number > self.high),
            (self.above, "more than", self.above is not None and number <= self.above),
            (self.below, "less than", self.below is not None and number >= self.below),
        )
        return next(
            (
                f"{subject}{self.name!r} must be {word} {bound:g}, not {value!r}"
                for bound, word, is_violated in bounds
                if is_violated
            ),
            "",
        )


@attrs.frozen
class JumpStartSpec:
    """The specification of one version of a model, as far as this plugin uses it.

    Attributes:
        model_id: The JumpStart ID.
        version: The exact version.
        gated: Whether the licence must be accepted.
        region: The region it is read for.
        trainable: Whether JumpStart can fine-tune it.
        training_vulnerable: Whether its training code has known vulnerabilities, which the user must accept.
        inference_vulnerable: The same for its serving code.
        training_instance: The default instance type of training.
        hyperparameters: The hyperparameters that users may set, by name.
        deprecated: Whether JumpStart has deprecated it, which the user must tolerate.
        data: The complete specification, as JumpStart publishes it.
    """

    model_id: str
    version: str
    gated: bool
    region: str
    trainable: bool
    training_vulnerable: bool
    inference_vulnerable: bool
    training_instance: str
    hyperparameters: Mapping[str, Hyperparameter]
    deprecated: bool
    data: Mapping[str, Any]

    @property
    def needs_licence_in_requests(self) -> bool:
        """Whether every request must accept the licence: the base model is served from a package of its provider."""
        return self.gated and is_packaged(self.data, self.region)

    def check_hyperparameters(self, values: Mapping[str, str]) -> None:
        """Check hyperparameters as JumpStart's own validation would.

        Raises:
            UserError: Some are unknown or out of range; names each.
        """
        problems = list(self._problems(values))
        if problems:
            message = f"hyperparameters of {self.model_id} {self.version}: {'; '.join(problems)}"
            raise UserError(message)

    def _problems(self, values: Mapping[str, str]) -> Iterator[str]:
        for name, value in values.items():
            known = self.hyperparameters.get(name)
            problem = (
                known.problem(value) if known else f"there is no {name!r}{did_you_mean(name, self.hyperparameters)}"
            )
            if problem:
                yield problem.lstrip("; ")


def read_spec(aws: Aws, model_id: str, pattern: str) -> JumpStartSpec:
    """Read the specification of the newest matching version of a model.

    Args:
        aws: The account and region.
        model_id: The JumpStart ID.
        pattern: A version, or a prefix of one with an asterisk (`2.*`), or `*`.

    Raises:
        UserError: There is no such model or version; names similar ones.
        UnreachableError: JumpStart's metadata cannot be read: no network, credentials or region.
    """
    listed = _read(aws, 0, MANIFEST)
    entries = (
        [entry for entry in listed if isinstance(entry, dict) and entry.keys() >= _OF_ENTRY]
        if isinstance(listed, list)
        else []
    )
    if not entries:
        message = f"JumpStart's list of models, {MANIFEST!r}, has a form that is not known here"
        raise UserError(message)
    of_model = [entry for entry in entries if entry["model_id"] == model_id]
    if not of_model:
        message = (
            f"JumpStart has no model {model_id!r} in {aws.region}{did_you_mean(model_id, _ids(entries, model_id))}"
        )
        raise UserError(message)
    entry = _newest(of_model, model_id, pattern)
    data = check_form(_read(aws, 1, entry["spec_key"]), model_id, entry["version"])
    return _parse(data, aws.region)


def _ids(entries: list[dict[str, Any]], model_id: str) -> list[str]:
    """Return the IDs that a message may name: those with the same first word, of about a thousand."""
    ids = {entry["model_id"] for entry in entries}
    similar = [each for each in ids if each.split("-")[0] == model_id.split("-", maxsplit=1)[0]]
    return sorted(similar or ids)[:400]


def _newest(entries: list[dict[str, Any]], model_id: str, pattern: str) -> dict[str, Any]:
    matching = [entry for entry in entries if _matches(entry["version"], pattern)]
    if not matching:
        known = ", ".join(sorted({entry["version"] for entry in entries}, key=_numbers))
        message = f"JumpStart's {model_id!r} has no version {pattern!r}; available: {known}"
        raise UserError(message)
    usable = [entry for entry in matching if _numbers(entry.get("min_version", ""))[: len(_KNOWN_SDK)] <= _KNOWN_SDK]
    if not usable:
        oldest = min(matching, key=lambda entry: _numbers(entry.get("min_version", "")))
        known = ".".join(map(str, _KNOWN_SDK))
        message = (
            f"JumpStart published {model_id!r} {oldest['version']} for SageMaker SDK {oldest['min_version']} and newer, and the requests"
            f" made here are those of {known}: use another version"
        )
        raise UserError(message)
    return max(usable, key=lambda entry: _numbers(entry["version"]))


def _matches(version: str, pattern: str) -> bool:
    return version.startswith(pattern[:-1]) if pattern.endswith("*") else version == pattern


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in _NUMBER.findall(text))


def _read(aws: Aws, kind: int, key: str) -> Any:
    """Read a JSON file of JumpStart's metadata.

    Args:
        aws: The account and region.
        kind: 0 for the list of models, 1 for a specification.
        key: The key in the bucket.
    """
    roots = [os.environ.get(name, "") for name in _ROOTS]
    if all(root and Path(root).is_dir() for root in roots):
        try:
            return _from_json((Path(roots[kind]) / key).read_bytes(), key)
        except OSError as exc:
            message = (
                f"JumpStart's file {key!r} cannot be read in {roots[kind]!r}: {(exc.strerror or str(exc)).lower()}"
            )
            raise UnreachableError(message) from exc
    try:
        return _read_s3(aws, key)
    except LLMOpsError as exc:
        raise UnreachableError(str(exc)) from exc


def _from_json(text: bytes, key: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        message = f"JumpStart's file {key!r} is not JSON"
        raise UnreachableError(message) from exc


def _read_s3(aws: Aws, key: str) -> Any:
    bucket = os.environ.get(_BUCKET) or f"jumpstart-cache-prod-{aws.region}"
    client = aws.client("s3", QUICK)
    name = (str(client.meta.endpoint_url), bucket, key)
    version, known = _READ.get(name, ("", None))
    with translated_errors(f"JumpStart's file {key!r} in bucket {bucket!r}"):
        try:
            answer = client.get_object(Bucket=bucket, Key=key, **({"IfNoneMatch": version} if version else {}))
        except ClientError as exc:
            if error_code(exc) != _NOT_MODIFIED:
                raise
            return known
        data = _from_json(answer["Body"].read(), key)
    _READ[name] = answer["ETag"], data
    return data


def _parse(data: Mapping[str, Any], region: str) -> JumpStartSpec:
    hyperparameters = [
        _hyperparameter(item) for item in data.get("hyperparameters") or () if item.get("scope") != "container"
    ]
    return JumpStartSpec(
        model_id=data["model_id"],
        version=data["version"],
        gated=bool(data.get("gated_bucket")) or data.get("hosting_eula_key") is not None,
        region=region,
        trainable=bool(data.get("training_supported")),
        training_vulnerable=bool(data.get("training_vulnerable")),
        inference_vulnerable=bool(data.get("inference_vulnerable")),
        training_instance=data.get("default_training_instance_type") or "",
        hyperparameters={each.name: each for each in hyperparameters},
        deprecated=bool(data.get("deprecated")),
        data=data,
    )


def _hyperparameter(data: Mapping[str, Any]) -> Hyperparameter:
    return Hyperparameter(
        name=data["name"],
        type=data.get("type", "text"),
        default=str(data.get("default", "")),
        options=tuple(str(each) for each in data.get("options") or ()),
        low=data.get("min"),
        high=data.get("max"),
        above=data.get("exclusive_min"),
        below=data.get("exclusive_max"),
    )
