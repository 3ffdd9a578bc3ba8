"""The metric that decides: the one that is named, or the first one that can rank candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

import attrs

from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.planning.components import Chosen, call_plugin
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.scores import Metric


@attrs.frozen
class OfferedMetric:
    """A metric, and the name of the evaluator that gives it."""

    metric: Metric
    evaluator: str


def offered_metrics(evaluators: Iterable[Chosen], registry: Registry) -> tuple[OfferedMetric, ...]:
    """Return the metrics of all evaluators.

    Raises:
        SpecError: Two have the same name.
    """
    metrics: list[OfferedMetric] = []
    for chosen in evaluators:
        component = chosen.component
        evaluator: Evaluator = registry.make("evaluator", component.use, component.options)
        own = call_plugin(chosen.card, partial(getattr, evaluator, "metrics"))
        metrics.extend(OfferedMetric(metric, component.name) for metric in own)
    names = Counter(each.metric.name for each in metrics)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        message = f"metric {twice[0]!r} comes from two evaluators; drop it from the options of one"
        raise SpecError(message)
    return tuple(metrics)


def choose_metric(offered: Sequence[OfferedMetric], named: str) -> Metric:
    """Return the metric that decides: the named one, or the first one that can.

    Raises:
        SpecError: There is no such metric, or it cannot rank candidates.
    """
    metrics = [each.metric for each in offered]
    names = [metric.name for metric in metrics]
    deciding = [metric.name for metric in metrics if metric.higher_is_better is not None]
    metric = named or next(iter(deciding), "")
    if not metric:
        message = "no metric can rank the candidates: none sets higher_is_better; add an evaluator with one that does"
        raise SpecError(message)
    if metric not in names:
        message = f"no evaluator of this pipeline has the metric {metric!r}{did_you_mean(metric, names)}"
        raise SpecError(message)
    if metric not in deciding:
        hint = f"name one of: {', '.join(deciding)}" if deciding else "add an evaluator with a metric that can"
        message = f"the metric {metric!r} cannot rank the candidates: it does not set higher_is_better; {hint}"
        raise SpecError(message)
    return next(each for each in metrics if each.name == metric)
