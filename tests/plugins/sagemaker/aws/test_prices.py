"""Prices of instances, from a server of the test that answers as the Price List does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("moto")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.prices import Prices
from llmops_plugins.sagemaker.settings import SageMakerSettings

from ..fixtures import REGION, Cloud
from ..loopback import Asked, ServerAnswer, served


def product(usd: str, **attributes: str) -> str:
    """Return a product of the Price List."""
    usual = {"regionCode": REGION, "instanceName": "ml.g5.2xlarge", "component": "Hosting"}
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": usd}}
    terms = {"OnDemand": {"sku.term": {"priceDimensions": {"sku.term.rate": dimension}}}}
    return json.dumps({"product": {"attributes": {**usual, **attributes}}, "terms": terms})


@pytest.fixture(name="listed")
def _listed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The answers of the Price List, one for each request; each request is put behind them."""
    del cloud
    answers: list[Any] = []

    def answer(asked: Asked) -> ServerAnswer:
        (found, *rest) = answers
        answers[:] = [*rest, asked.body]
        if found is None:
            return ServerAnswer({"__type": "AccessDeniedException", "message": "no"}, 400)
        return ServerAnswer({"FormatVersion": "aws_v1", "PriceList": found})

    with served(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", url)
        yield answers


def price(component: Any = "Hosting") -> float | None:
    return Prices(Aws(SageMakerSettings(region=REGION))).an_hour("ml.g5.2xlarge", component)


def test_a_price_is_that_of_the_region_the_instance_and_its_use(listed: list[Any]) -> None:
    """It is asked for once; what the service answers beside it does not count."""
    listed.append([product("1.515"), product("9", regionCode="eu-west-1"), product("8", component="Training")])
    prices = Prices(Aws(SageMakerSettings(region=REGION)))
    assert [1.515, 1.515] == [prices.an_hour("ml.g5.2xlarge", "Hosting") for _ in range(2)]

    (request,) = listed
    assert "AmazonSageMaker" == request["ServiceCode"]
    assert {"regionCode": REGION, "instanceName": "ml.g5.2xlarge", "component": "Hosting"}.items() <= {
        each["Field"]: each["Value"] for each in request["Filters"]
    }.items()


@pytest.mark.parametrize("answer", [None, [], ["no JSON"], ["{}"], [product("1"), product("2")]])
def test_a_price_that_is_not_certain_is_unknown(answer: Any, listed: list[Any]) -> None:
    """Access is denied, there is none, the answer has another form, or there are two."""
    listed.append(answer)
    assert price() is None
