"""What evaluators that ask another model, such as judges, are expected to cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llmops_sdk.planning.costs.choose import how_to_price
from llmops_sdk.planning.costs.tokens import asked_tokens, price_of_tokens, share_asked, tokens_of
from llmops_sdk.plugin.options import EvaluatorOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.data import Record
from llmops_sdk.values.plan import Plan, ScoreStep
from llmops_sdk.values.prices import Asks
from llmops_sdk.values.spending import NOTHING, ExpectedStep, Range


def judges_of(plan: Plan, step: ScoreStep) -> tuple[str, ...]:
    """Return the evaluators of a step that ask a model which a service bills, or may bill."""
    retention = plan.retention
    is_retention = retention is not None and plan.cell_by_name[step.cell].dataset == retention.dataset.name
    names = [retention.evaluator] if retention and is_retention else [each.name for each in plan.evaluators]
    asking = plan.costs.evaluators
    return tuple(name for name in names if name in asking and (asking[name].price or not asking[name].asking.is_own))


def asks_of(plan: Plan, registry: Registry) -> dict[str, Asks]:
    """Return what the evaluators of a plan that ask another model ask, by their names."""
    asking = {}
    for evaluator in plan.evaluators:
        if evaluator.name in plan.costs.evaluators:
            card = registry.offer("evaluator", evaluator.use).card
            options = registry.options(card, evaluator.options, f"evaluator {evaluator.name!r}")
            asking[evaluator.name] = options.asks() if isinstance(options, EvaluatorOptions) else Asks()
    return asking


def judging(plan: Plan, step: ScoreStep, records: Sequence[Record] | None, asks: Mapping[str, Asks]) -> ExpectedStep:
    """Return what the evaluators of a step are expected to ask other models: their own text, the record and the answer.

    A reply has a token at least.

    Args:
        plan: The plan.
        step: The step.
        records: The test records of its cell, or None where they are not known.
        asks: Evaluator to what it asks.
    """
    judges = judges_of(plan, step)
    names = ", ".join(judges)
    answers = asked_tokens(plan, plan.cell_by_name[step.cell], records, share_asked(plan, step))
    if answers is None:
        return ExpectedStep(step.name, names)
    questions, prompts, replies, amounts = 0, [], [], []
    for name in judges:
        each, price = asks[name], plan.costs.evaluators[name].price
        shown = [tokens_of(each.characters * answers.questions), answers.prompts, answers.answers, answers.references]
        prompt = Range.sum(shown).times(each.questions)
        count = answers.questions * each.questions
        reply = Range(count, count * each.most_tokens)
        questions += count
        prompts.append(prompt)
        replies.append(reply)
        amounts.append(price_of_tokens(price, prompt, reply) if price else Range())
    usd = Range.sum(amounts)
    return ExpectedStep(step.name, names, questions, Range.sum(prompts), Range.sum(replies), NOTHING, usd)


def unknown_of_judges(plan: Plan, planned: ScoreStep, step: ExpectedStep) -> Iterator[str]:
    """Yield what of a step is in no amount, and how to make it known.

    Args:
        plan: The plan.
        planned: The step.
        step: What it is expected to take.
    """
    for name in judges_of(plan, planned):
        prices = plan.costs.evaluators[name]
        if prices.price is None:
            known_by = how_to_price(name, prices.asking)
            yield f"the price of what evaluator {name} asks is unknown; give it in a file that `prices:` names: {known_by}"
        elif step.questions is None:
            yield f"the tokens of what evaluator {name} asks are unknown: its test records are not read before the run"
        else:
            yield f"the tokens that retrieval adds to what evaluator {name} is shown are unknown"
