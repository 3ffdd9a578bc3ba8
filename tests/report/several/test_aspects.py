"""What several runs have in common, and what not."""

from __future__ import annotations

import attrs

from llmops_sdk.plugin import Run
from llmops_sdk.report.collect import collect
from llmops_sdk.report.several.aspects import aspects, evaluator_keys
from llmops_sdk.report.several.data import Aspect

from .conftest import MakeRun


def found(*runs: Run) -> dict[tuple[str, str], Aspect]:
    """Return the aspects of runs by what they are."""
    return {(each.kind, each.name): each for each in aspects(runs, [collect(run) for run in runs])}


def differing(*runs: Run) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return what differs, with the values of each run."""
    return {key: aspect.values for key, aspect in found(*runs).items() if not aspect.is_same}


def test_equal_runs_differ_in_nothing(make_run: MakeRun) -> None:
    """The same pipeline twice."""
    assert {} == differing(make_run(), make_run("other"))


def test_generation_options_are_compared_one_by_one(make_run: MakeRun) -> None:
    """Those that differ have the value of each run."""
    runs = make_run(), make_run(generation={"max_new_tokens": 7, "temperature": 0.5})

    assert {("generation", "max_new_tokens"): ("128", "7"), ("generation", "temperature"): ("0.0", "0.5")} == differing(
        *runs
    )
    assert found(*runs)["generation", "top_p"].is_same


def test_an_evaluator_that_only_one_has_is_named(make_run: MakeRun) -> None:
    """The other run has an empty value."""
    ((key, values),) = differing(make_run(), make_run(evaluators=("echo-score", "echo-probes"))).items()

    assert ("evaluators", "echo-probes") == key
    assert "" == values[0]
    assert values[1]


def test_an_evaluator_with_other_provenance_differs(make_run: MakeRun) -> None:
    """Such as the version of a library that it uses."""
    run = make_run()
    report = collect(run)
    info = report.results.evaluators[0]
    results = attrs.evolve(report.results, evaluators=(attrs.evolve(info, provenance={"library": "2.0"}),))

    keys = [evaluator_keys(run, each) for each in (report, attrs.evolve(report, results=results))]

    assert keys[0].keys() == keys[1].keys() == {"echo-score"}
    assert keys[0] != keys[1]
