"""Prices of instances, from a server of the test that answers as the Price List does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.prices import Prices, on_demand
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Pipeline
from llmops_sdk.planning.costs.estimate import expect_cost
from llmops_sdk.plugin.registry import Registry

from ..fixtures import MODEL_ID, REGION, SETTINGS, Cloud
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


def test_a_price_has_its_source_and_its_day(listed: list[Any]) -> None:
    """Nothing is asked of a type that JumpStart chooses."""
    listed.append([product("1.515")])

    price = on_demand("ml.g5.2xlarge", "Hosting", {"region": REGION})

    assert price is not None
    assert ("ml.g5.2xlarge", 1.515) == (price.unit, price.hour)
    assert f"AWS Price List, hosting on demand in {REGION}" == price.source
    assert "20" == price.date[:2]
    assert on_demand("", "Hosting", {"region": REGION}) is None
    assert 1 == len(listed)


def test_no_region_has_no_price(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of the account report it."""
    del cloud
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

    assert on_demand("ml.g5.2xlarge", "Hosting", {}) is None


@pytest.mark.usefixtures("jumpstart")
def test_a_plan_has_the_price_of_instance_hours(listed: list[Any], registry: Registry, tmp_path: Path) -> None:
    """By what each does, asked once for each type; a price of the user's own comes first, and an offline plan asks nobody."""
    training = product("7.09", component="Training", instanceName="ml.g5.12xlarge")
    listed.extend([[product("1.515")], [training]])
    asked = tuned(spot=False)

    costs = asked.build(registry).costs.of("llama")

    assert costs.price is not None
    assert costs.training_price is not None
    assert ("2 x ml.g5.2xlarge", 3.03) == (costs.price.unit, costs.price.hour)
    assert 7.09 == costs.training_price.hour
    assert 2 == len(listed)
    assert tuned(spot=True).build(registry, offline=True).costs.of("llama").price is None
    own = tmp_path / "prices.yaml"
    own.write_text("currency: USD\nhours: {ml.g5.2xlarge: 1}\ntraining: {llama: 5}\n")
    mine = asked.with_costs(prices=own).build(registry)
    assert (2.0, 5.0) == tuple(
        price.hour for price in (mine.costs.of("llama").price, mine.costs.of("llama").training_price) if price
    )
    assert 2 == len(listed)
    unknown = expect_cost(asked.build(registry, offline=True), registry).unknown
    assert any("the price of asking llama is unknown" in sentence for sentence in unknown)


def tuned(*, spot: bool) -> Pipeline:
    """A JumpStart model on instances that are named."""
    pipeline = Pipeline.builder("p").with_dataset("lines").with_prompt("alpaca").with_evaluator("echo-score")
    trainer = {"instance_type": "ml.g5.12xlarge", **({"spot": True, "max_run": 60, "max_wait": 90} if spot else {})}
    deployer = {"instance_type": "ml.g5.2xlarge", "instance_count": 2}
    pipeline = pipeline.with_model(
        "jumpstart",
        name="llama",
        model_id=MODEL_ID,
        version="4.0.0",
        accept_eula=True,
        trainer=trainer,
        deployer=deployer,
    )
    return pipeline.with_settings("sagemaker", **SETTINGS)
