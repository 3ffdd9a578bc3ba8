"""What an instance of SageMaker costs an hour on demand, as AWS's Price List names it. A price is never guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Literal

import attrs
from botocore.exceptions import BotoCoreError, ClientError

from llmops_plugins.sagemaker.aws.account import QUICK, Aws
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import Price, UserError

Component = Literal["Hosting", "Training"]
"""What an instance does, as the Price List calls it."""

_REGION = "us-east-1"
"""The Price List has endpoints in few regions; each knows the prices of all."""


@attrs.define
class Prices:
    """The prices of one region; each is asked for once."""

    aws: Aws
    _known: dict[tuple[str, Component], float | None] = attrs.field(factory=dict)

    def an_hour(self, instance_type: str, component: Component) -> float | None:
        """Return the price of an instance in US dollars, or None if it is not known.

        It is not known without the right `pricing:GetProducts`, and where the Price List has no such instance in the
        region, or several prices for it.
        """
        key = instance_type, component
        if key not in self._known:
            try:
                prices = set(self._read(instance_type, component))
            except (BotoCoreError, ClientError, ValueError, LookupError, TypeError, AttributeError):
                prices = set()
            self._known[key] = prices.pop() if len(prices) == 1 else None
        return self._known[key]

    def _read(self, instance_type: str, component: Component) -> Iterator[float]:
        client = self.aws.session.client("pricing", region_name=_REGION, config=QUICK)
        fields = {
            "productFamily": "ML Instance",
            "regionCode": self.aws.region,
            "instanceName": instance_type,
            "component": component,
        }
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()]
        for page in client.get_paginator("get_products").paginate(ServiceCode="AmazonSageMaker", Filters=filters):
            for text in page["PriceList"]:
                product = json.loads(text)
                attributes: Mapping[str, Any] = product["product"]["attributes"]
                if any(attributes.get(name, value) != value for name, value in fields.items()):
                    continue  # not what was asked for
                for term in product["terms"]["OnDemand"].values():
                    for dimension in term["priceDimensions"].values():
                        if dimension["unit"].lower() in ("hrs", "hours"):
                            yield float(dimension["pricePerUnit"]["USD"])


def on_demand(instance_type: str, component: Component, settings: Mapping[str, Any]) -> Price | None:
    """Return the price of an hour of an instance on demand, with its source; None where it is not known.

    Args:
        instance_type: The type; empty where JumpStart chooses it.
        component: What it does.
        settings: The settings of the plugin.
    """
    if not instance_type:
        return None
    try:
        aws = Aws(SageMakerSettings.from_mapping(settings))
        hour, region = Prices(aws).an_hour(instance_type, component), aws.region
    except UserError:  # no region, or no such profile: the checks of the account report it
        return None
    if hour is None:
        return None
    source = f"AWS Price List, {component.lower()} on demand in {region}"
    return Price(instance_type, hour=hour, source=source, date=f"{datetime.now(timezone.utc):%Y-%m-%d}")
