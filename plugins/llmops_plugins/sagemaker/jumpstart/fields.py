"""What a JumpStart specification holds for one region, purpose and configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from llmops_plugins.sagemaker.jumpstart.form import unknown_form
from llmops_plugins.sagemaker.mappings import merge
from llmops_sdk.plugin import UserError

Purpose = Literal["training", "hosting"]

_NEEDED: Mapping[Purpose, tuple[str, ...]] = {
    "training": ("training_script_key", "training_artifact_key", "default_training_instance_type"),
    "hosting": ("default_inference_instance_type", "hosting_instance_type_variants"),
}
"""The fields without which no request can be made."""

_NOT_IN_CONFIGURATIONS = frozenset({"model_id", "version", "gated_bucket", "training_supported", "deprecated"})
_FAMILY = re.compile(r"ml\.(?P<family>[a-z0-9-]+)\.\w+")


@attrs.frozen
class Fields:
    """The fields of a specification.

    Attributes:
        data: The fields, with those of the configuration.
        region: The AWS region.
        purpose: What for.
    """

    data: Mapping[str, Any]
    region: str
    purpose: Purpose

    @classmethod
    def of(cls, data: Mapping[str, Any], region: str, purpose: Purpose, configuration: str = "") -> Fields:
        """Return the fields for a purpose.

        Args:
            data: The specification, as JumpStart publishes it.
            region: The AWS region.
            purpose: What for.
            configuration: The name of one of the inference configurations, whose components override fields.

        Raises:
            UserError: Fields or the configuration are missing: the specification is of a form that this version does not know.
        """
        if configuration:
            data = _configured(data, configuration)
        missing = [name for name in _NEEDED[purpose] if not data.get(name)]
        if missing:
            raise unknown_form(_which(data), data, f"lacks {', '.join(missing)} for {purpose}")
        return cls(data, region, purpose)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or the default where it is absent or null."""
        value = self.data.get(name)
        return default if value is None else value

    def image(self, instance_type: str) -> str:
        """Return the URI of the container's image for an instance type.

        Raises:
            UserError: The specification has none for this region or instance type.
        """
        uri = self._regional(instance_type, "image_uri")
        if uri:
            return uri
        known = sorted(self._variants.get("regional_aliases") or {})
        where = f"it has regions {', '.join(known)}" if known and self.region not in known else "choose another one"
        message = (
            f"JumpStart's {self.data['model_id']!r} {self.data['version']} names no image for {self.purpose} on {instance_type!r} in"
            f" {self.region} ({where}): set image_uri to one that you have there"
        )
        raise UserError(message)

    def model_package(self, instance_type: str) -> str:
        """Return the ARN of the provider's model package, or an empty text if the model has none.

        Raises:
            UserError: It has some in other regions only.
        """
        package = self._regional(instance_type, "model_package_arn")
        packages: Mapping[str, str] = self.get("hosting_model_package_arns", {})
        if package or not packages:
            return package
        if self.region not in packages:
            message = (
                f"JumpStart's {self.data['model_id']!r} {self.data['version']} is served from a model package, which {self.region} lacks;"
                f" it has regions {', '.join(sorted(packages))}"
            )
            raise UserError(message)
        return packages[self.region]

    def of_instance(self, instance_type: str, name: str) -> Any:
        """Return a property of an instance type, or else of its family; None if there is none."""
        variants: Mapping[str, Any] = self._variants.get("variants") or {}
        properties = (
            (variants.get(key) or {}).get("properties") or {} for key in (instance_type, _family(instance_type)) if key
        )
        return next((values[name] for values in properties if values.get(name)), None)

    def items_of_instance(self, instance_type: str, name: str) -> dict[str, Any]:
        """Return a mapping or named list of an instance type and its family by the names of its items."""
        variants: Mapping[str, Any] = self._variants.get("variants") or {}
        items: dict[str, Any] = {}
        for key in (_family(instance_type), instance_type):
            values = ((variants.get(key) or {}).get("properties") or {}).get(name) or {}
            if isinstance(values, Mapping):
                items.update(values)
            else:
                items.update({item.get("name") or item["Name"]: item for item in values})
        return items

    @property
    def _variants(self) -> Mapping[str, Any]:
        variants: Mapping[str, Any] = self.get(f"{self.purpose}_instance_type_variants", {})
        return variants

    def _regional(self, instance_type: str, name: str) -> str:
        variants: Mapping[str, Any] = self._variants.get("variants") or {}
        regional = (
            (variants.get(key) or {}).get("regional_properties") or {}
            for key in (instance_type, _family(instance_type))
        )
        alias = next((str(values[name]) for values in regional if values.get(name)), "")
        aliases: Mapping[str, str] = (self._variants.get("regional_aliases") or {}).get(self.region) or {}
        return aliases.get(alias[1:], "") if alias.startswith("$") else ""


def first_configuration(data: Mapping[str, Any], purpose: Purpose) -> str:
    """Return the name of the configuration that JumpStart ranks first for a purpose, or an empty text."""
    scope = "training" if purpose == "training" else "inference"
    configurations: Mapping[str, Any] = data.get(f"{scope}_configs") or {}
    ranking = (data.get(f"{scope}_config_rankings") or {}).get("overall") or {}
    names = ranking.get("rankings") or sorted(configurations)
    return next((name for name in names if name in configurations), "")


def hosting_configuration(data: Mapping[str, Any], *, is_tuned: bool) -> str:
    """Return the name of the inference configuration with which a model is served, or an empty text.

    It is the one that JumpStart ranks first; for fine-tuned weights, the one that the first training configuration names.
    """
    return (is_tuned and _of_the_training(data)) or first_configuration(data, "hosting")


def is_packaged(data: Mapping[str, Any], region: str) -> bool:
    """Return whether the base model is served from a package of its provider in a region."""
    configuration = hosting_configuration(data, is_tuned=False)
    hosting = _configured(data, configuration) if configuration else data
    return region in (hosting.get("hosting_model_package_arns") or {})


def _of_the_training(data: Mapping[str, Any]) -> str:
    trained: Mapping[str, Any] = (data.get("training_configs") or {}).get(first_configuration(data, "training")) or {}
    return str(trained.get("default_inference_config") or "")


def _which(data: Mapping[str, Any]) -> str:
    return f"{data.get('model_id')!r} {data.get('version')}"


def _configured(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a specification with the components of one of its inference configurations merged into it, in their order."""
    merged = dict(data)
    components: Mapping[str, Any] = data.get("inference_config_components") or {}
    configurations: Mapping[str, Any] = data.get("inference_configs") or {}
    if name not in configurations:
        raise unknown_form(_which(data), data, f"lacks the inference configuration {name!r}")
    for component in configurations[name].get("component_names") or ():
        if component not in components:
            raise unknown_form(_which(data), data, f"lacks the component {component!r} of the configuration {name!r}")
        fields = {key: value for key, value in components[component].items() if key not in _NOT_IN_CONFIGURATIONS}
        merged = merge(merged, fields, empty_replaces=True)
    if merged.get("hosting_model_package_arns"):  # such a package brings its own
        merged["inference_environment_variables"] = []
    return merged


def _family(instance_type: str) -> str:
    match = _FAMILY.fullmatch(instance_type)
    return match["family"] if match else ""
