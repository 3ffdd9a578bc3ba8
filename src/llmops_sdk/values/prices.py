"""Prices, and what they are multiplied by: how something is billed, the expected traffic, a budget. All amounts are US dollars.

A price that is not known is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from llmops_sdk.values.answers import Answer

CURRENCY = "USD"
SECONDS_PER_HOUR = 3600.0
DAYS_PER_MONTH = 30.0
"""Of a month in `a month costs`."""

_TOKENS = 1_000_000

BilledBy = Literal["tokens", "hours", "nothing", ""]
"""`nothing`: no service is used; empty: not known."""


@attrs.frozen
class Billing:
    """How the use of a trainer or of a target is billed, as its options state it.

    Attributes:
        by: The tokens of prompts and answers, the hours that machines are up, or nothing: answers are read from a file.
        unit: What has the price: the model's name at its provider, or the type of the machine; empty where it is not known.
        count: The number of machines.
        address: The URL of a service with token prices, which says whose prices are meant.
        is_own: Whether the machine is the one that the step runs on: no service bills it, and what it costs is for the
            user to say.
        most_seconds: The most seconds that it takes, where options limit it.
    """

    by: BilledBy = ""
    unit: str = ""
    count: int = 1
    address: str = ""
    is_own: bool = False
    most_seconds: float | None = None


@attrs.frozen
class Asks:
    """What an evaluator asks another model about each answer, as far as its options state it.

    Attributes:
        questions: The number of questions.
        characters: The length of each, without the texts of the record and without the answer.
        most_tokens: The longest reply, in tokens.
    """

    questions: int = 0
    characters: int = 0
    most_tokens: int = 0


@attrs.frozen
class Price:
    """A price of tokens or of an hour.

    Attributes:
        unit: What has this price.
        input: Of a million tokens of prompts, or None.
        output: Of a million tokens of answers, or None.
        hour: Of an hour of all machines together, or None.
        source: Where it was read.
        date: When, as `2026-08-02`.
    """

    unit: str
    input: float | None = None
    output: float | None = None
    hour: float | None = None
    source: str = ""
    date: str = ""

    def of_tokens(self, prompt: float, output: float) -> float | None:
        """Return the price of a number of tokens; None of an hourly price.

        >>> Price("m", input=0.15, output=0.6).of_tokens(1_000_000, 500_000)
        0.45
        """
        if self.input is None or self.output is None:
            return None
        return (prompt * self.input + output * self.output) / _TOKENS

    def of_seconds(self, seconds: float) -> float | None:
        """Return the price of some time; None of token prices.

        >>> Price("ml.g5.2xlarge", hour=1.5).of_seconds(1200)
        0.5
        """
        return None if self.hour is None else seconds / SECONDS_PER_HOUR * self.hour

    @property
    def text(self) -> str:
        """The price in words, with where it was read.

        >>> Price("m", input=0.15, output=0.6, source="https://example.org", date="2026-08-02").text
        '0.15 USD in, 0.6 USD out per million tokens (https://example.org, read 2026-08-02)'
        """
        if self.hour is not None:
            price = f"{self.hour:g} {CURRENCY} an hour"
        else:
            price = f"{self.input:g} {CURRENCY} in, {self.output:g} {CURRENCY} out per million tokens"
        read = f"read {self.date}" if self.date else ""
        origin = ", ".join(filter(None, (self.source, read)))
        return f"{price} ({origin})" if origin else price


@attrs.frozen
class ModelPrices:
    """What the use of one model of a plan is multiplied by.

    Attributes:
        asking: How asking it is billed.
        price: The price of that, or None where it is not known.
        training: How its training is billed; None for a model that is not fine-tuned.
        training_price: The price of that, or None.
    """

    asking: Billing = attrs.field(factory=Billing)
    price: Price | None = None
    training: Billing | None = None
    training_price: Price | None = None

    @property
    def by(self) -> BilledBy:
        """By what asking it is billed: that of its price, where there is one."""
        if self.price is None:
            return self.asking.by
        return "tokens" if self.price.hour is None else "hours"

    @property
    def is_known(self) -> bool:
        """Whether nothing about it is unknown."""
        trains = self.training is None or self.training_price is not None
        return trains and (self.price is not None or self.asking.by == "nothing")


@attrs.frozen
class Traffic:
    """What a candidate will be asked once it is used.

    Attributes:
        requests_per_day: The number of questions in a day.
        hours: The hours of a day that a machine billed by the hour is up for it.
    """

    requests_per_day: float
    hours: float = 24.0

    @property
    def text(self) -> str:
        """The traffic in words."""
        up = f" within {self.hours:g} hours" if self.hours < 24 else ""  # noqa: PLR2004 - a whole day
        return f"{self.requests_per_day:,.0f} requests a day{up}"


@attrs.frozen
class Budget:
    """The most that a run may cost.

    Attributes:
        usd: The amount.
    """

    usd: float


@attrs.frozen
class Costs:
    """What a plan knows about money.

    Attributes:
        models: Model to its prices; those of which nothing is known are left out.
        traffic: What the candidates will be asked, or None.
        budget: The most that the run may cost, or None.
        evaluators: Evaluator that asks another model to the prices of that.
    """

    models: Mapping[str, ModelPrices] = attrs.field(factory=dict)
    traffic: Traffic | None = None
    budget: Budget | None = None
    evaluators: Mapping[str, ModelPrices] = attrs.field(factory=dict)

    def of(self, model: str) -> ModelPrices:
        """Return the prices of a model."""
        return self.models.get(model, ModelPrices())


def answer_cost(answer: Answer, price: Price | None) -> float | None:
    """Return what an answer cost, in US dollars: what came with it, or its tokens at their price; None where not known."""
    if answer.cost is not None:
        return answer.cost
    if price is None or answer.prompt_tokens is None or answer.output_tokens is None:
        return None
    return price.of_tokens(answer.prompt_tokens, answer.output_tokens)


def dollars(amount: float | None) -> str:
    """Write an amount with two digits after the first one that is not 0, at least to the cent.

    >>> dollars(12.345), dollars(0.00123), dollars(1234.5), dollars(0), dollars(None)
    ('12.35 USD', '0.0012 USD', '1,234.50 USD', '0 USD', 'unknown')
    """
    if amount is None:
        return "unknown"
    if amount == 0:
        return f"0 {CURRENCY}"
    if amount >= 0.1:  # noqa: PLR2004 - two digits are cents
        return f"{amount:,.2f} {CURRENCY}"
    return f"{float(f'{amount:.2g}'):.10f}".rstrip("0") + f" {CURRENCY}"


def dollar_range(low: float | None, high: float | None) -> str:
    """Write what is expected to be between two amounts; None is an end that is not known.

    >>> dollar_range(1.5, 2.25), dollar_range(0.5, 0.5), dollar_range(1, None), dollar_range(None, None)
    ('1.50 to 2.25 USD', '0.50 USD', 'at least 1.00 USD', 'unknown')
    """
    if low is None:
        return "unknown" if high is None else f"at most {dollars(high)}"
    if high is None:
        return f"at least {dollars(low)}" if low else "unknown"
    ends = dollars(low), dollars(high)
    return ends[0] if ends[0] == ends[1] else f"{ends[0].removesuffix(f' {CURRENCY}')} to {ends[1]}"
