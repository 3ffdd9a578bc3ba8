"""Evaluators: one finite score for each generation, whatever the others are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from llmops_sdk.plugin.cards import EvaluatorCard
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.testing.rules.trial import Trial, difference, show
from llmops_sdk.values.answers import Answer, Answered
from llmops_sdk.values.generations import Generation
from llmops_sdk.values.scores import Metric, RecordScore, Scored, Unscored


def try_evaluator(trial: Trial) -> Any:
    """Score usual, single, unusual and no generations; return the scores of the usual ones."""
    evaluator = trial.make()
    with trial.rule("interface", "the class is no Evaluator"):
        if not isinstance(evaluator, Evaluator):
            trial.stop("card", f"its implementation is a {type(evaluator).__name__}, not an Evaluator")
        metrics = _metrics(trial, evaluator)
    generations = [_with_probes(trial, evaluator, generation) for generation in trial.inputs.answers()]
    scores = _scores(trial, evaluator, metrics, generations, "interface")
    if not any(isinstance(score, Scored) for score in scores):
        reason = next((score.error for score in scores if isinstance(score, Unscored)), "nothing")
        trial.broken("inputs", f"no generation was scored ({reason}); generations= gives others")
    _try_alone(trial, metrics, generations, scores)
    _try_unusual(trial, metrics)
    return {"metrics": _metric_data(metrics), "scores": [_data(score) for score in scores]}


def _metrics(trial: Trial, evaluator: Evaluator) -> tuple[Metric, ...]:
    with trial.rule("interface", "metrics"):
        metrics = tuple(evaluator.metrics)
    if not metrics or not all(isinstance(metric, Metric) for metric in metrics):
        trial.stop("interface", f"metrics are {show(metrics)}, not a tuple of Metric")
    names = [metric.name for metric in metrics]
    if len(set(names)) < len(names):
        trial.stop("interface", f"two metrics have one name: {', '.join(names)}")
    return metrics


def _with_probes(trial: Trial, evaluator: Evaluator, generation: Generation) -> Generation:
    """Return a generation whose probes are answered: with its own output, or a made-up log-probability."""
    if not (isinstance(trial.card, EvaluatorCard) and trial.card.probes) or generation.probes:
        return generation
    with trial.rule("interface", f"probes of record {generation.index}"):
        probes = list(evaluator.probes(trial.context(), generation.record))
        again = list(evaluator.probes(trial.context(), generation.record))
    if probes != again:
        trial.broken("seed", f"the probes of record {generation.index} were {show(probes)}, then {show(again)}")
    outcomes = {
        probe.name: Answered(
            number,
            Answer(log_probability=-1.0 - 0.1 * number) if probe.log_probability else Answer(generation.output),
        )
        for number, probe in enumerate(probes)
    }
    return attrs.evolve(generation, probes=outcomes)


def _scores(
    trial: Trial, evaluator: Evaluator, metrics: Sequence[Metric], generations: Sequence[Generation], rule: str
) -> list[RecordScore]:
    """Return the scores of generations, held to the contract."""
    with trial.rule(rule, "evaluate"):
        scores = list(evaluator.evaluate(trial.context(), iter(generations)))
    for score in scores:
        if not isinstance(score, RecordScore.__args__):  # type: ignore[attr-defined]
            trial.stop("interface", f"evaluate yielded {show(score)}, no Scored, Unscored or Pending")
    indices = [generation.index for generation in generations]
    if [score.index for score in scores] != indices:
        places = [score.index for score in scores]
        trial.stop(
            "interface", f"evaluate yielded scores of the records {places}, not one for each of {indices}, in order"
        )
    by_name = {metric.name: metric for metric in metrics}
    trial.keep("numbers", "bounds")
    for score in scores:
        if isinstance(score, Scored):
            _check_score(trial, score, by_name)
        else:
            trial.as_json(f"the score of record {score.index}", score)
    return scores


def _check_score(trial: Trial, score: Scored, metrics: dict[str, Metric]) -> None:
    trial.finite(f"record {score.index}", score.scores)
    for name, value in score.scores.items():
        if name not in metrics:
            trial.stop("interface", f"record {score.index} has the metric {name!r}, which is not among metrics")
        bounds = metrics[name].bounds
        if bounds and isinstance(value, (int, float)) and (value < bounds[0] or value > bounds[1]):
            trial.broken("bounds", f"record {score.index}: {name} is {value}, outside {bounds[0]} to {bounds[1]}")


def _try_alone(
    trial: Trial, metrics: Sequence[Metric], generations: Sequence[Generation], scores: Sequence[RecordScore]
) -> None:
    """Score the last generation on its own, by a new evaluator, and compare."""
    if trial.skips("alone"):
        return
    trial.keep("alone")
    (alone,) = _scores(trial, trial.make(), metrics, generations[-1:], "interface")
    differing = difference(_data(scores[-1]), _data(alone), f"record {alone.index}")
    if differing:
        trial.broken("alone", f"with the others, and on its own: {differing}")


def _try_unusual(trial: Trial, metrics: Sequence[Metric]) -> None:
    if trial.skips("empty-input"):
        return
    evaluator = trial.make()
    if _scores(trial, evaluator, metrics, (), "empty-input"):
        trial.broken("empty-input", "evaluate yielded scores of no generations")
    for generation in trial.inputs.unusual_answers():
        one = attrs.evolve(_with_probes(trial, evaluator, generation))
        with trial.rule("empty-input", f"evaluate of the output {show(one.output[:20])} to {show(dict(one.record))}"):
            scores = list(evaluator.evaluate(trial.context(), iter([one])))
        _scores_of_unusual(trial, scores, metrics, one)


def _scores_of_unusual(trial: Trial, scores: Sequence[RecordScore], metrics: Sequence[Metric], one: Generation) -> None:
    if [score.index for score in scores] != [one.index]:
        trial.broken("empty-input", f"evaluate yielded {len(scores)} scores for the output {show(one.output[:20])}")
    for score in scores:
        if isinstance(score, Scored):
            _check_score(trial, score, {metric.name: metric for metric in metrics})


def _metric_data(metrics: Sequence[Metric]) -> list[str]:
    return [metric.name for metric in metrics]


def _data(score: RecordScore) -> Any:
    return dict(score.scores) if isinstance(score, Scored) else {"unscored": type(score).__name__}
