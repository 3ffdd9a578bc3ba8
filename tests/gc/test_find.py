"""Finding leftovers: in the ledgers of a store, and by tags through orphan finders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from llmops_sdk import Pipeline, Run, RunNotFoundError
from llmops_sdk.gc.find import find_leftovers, list_account
from llmops_sdk.gc.leftover import Choice
from llmops_sdk.plugin import Resource, Runtime
from llmops_sdk.values.plan import Plan, PluginPin

from .collecting import collect
from .conftest import STEP, Cloud


def test_a_run_is_chosen_by_its_prefix(run: Run, runtime: Runtime) -> None:
    """`--run` accepts what other commands accept; an unknown run is an error that lists the runs there are."""
    other = Run.create(run.store, run.plan)
    other.add_resource(Resource("thing", "other"), STEP)

    assert {run.id} == {item.run_id for item in find_leftovers(run.store, runtime, Choice(run_id=run.id)).items}
    latest = find_leftovers(run.store, runtime, Choice(run_id="latest"))
    assert {"other"} == {item.resource.name for item in latest.items}
    with pytest.raises(RunNotFoundError, match="there is no run 'none'"):
        find_leftovers(run.store, runtime, Choice(run_id="none"))


def test_a_run_that_no_store_has_is_found_by_its_tags(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """Such a run can be named; with force, everything it left is deleted."""
    assert {"lost"} == {item.run_id for item in find_leftovers(run.store, runtime, Choice(run_id="lost")).items}

    collect(run.store, runtime, run_id="lost", force=True)

    assert {Resource("thing", "name")} == set(cloud.resources)


def test_a_resource_in_a_ledger_and_with_tags_is_found_once(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """Its state and price are those that the tags come with."""
    leftovers = find_leftovers(run.store, runtime, Choice())

    (item,) = [item for item in leftovers.items if item.resource == Resource("thing", "name")]
    assert ("InService", run.id) == (item.state, item.run_id)
    assert len(cloud.resources) + 1 == len(leftovers.items)


def test_an_account_is_listed_with_ages_and_prices(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """All tagged resources in every place, whatever becomes of them; a price that is not known is none, and no guess."""
    leftovers = list_account(run.store, runtime)

    listed = {item.resource.name: item for item in leftovers.items}
    assert ({"listed"}, set(cloud.resources)) == (
        {item.status for item in leftovers.items},
        {item.resource for item in leftovers.items},
    )
    assert (1.5, None, None) == tuple(listed[name].price for name in ("expired", "old", "young"))
    assert ("expired 1 d ago", "expires in 1.5 d", "it has no expiry") == tuple(
        listed[name].reason for name in ("expired", "young", "eternal")
    )
    assert listed["used"].reason.endswith("; execution 'lost' is running")
    assert 2 * 86400 <= listed["old"].age < 2 * 86400 + 60
    assert leftovers.clean
    assert {"lost"} == {item.run_id for item in list_account(run.store, runtime, "lost").items}


def test_a_damaged_ledger_hides_no_other_run(run: Run, runtime: Runtime) -> None:
    """The resource of a damaged entry is known from its file's name: it is deleted too, as those of other runs are."""
    other = Run.create(run.store, run.plan)
    run.store.put(f"runs/{other.id}/ledger/thing.x.json", b'{"cut')

    leftovers = collect(run.store, runtime)

    assert {"deleted"} == {item.status for item in leftovers.items}
    assert ("thing", "x") in {(item.resource.kind, item.resource.name) for item in leftovers.items}
    assert leftovers.clean
    assert all(entry.deleted is not None for entry in other.ledger())


def test_every_place_is_searched_once(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """The places are those that the runs of the store used and the one that the environment names; none if offline."""
    pipeline = Pipeline.builder("there").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    plan = _with_cloud(pipeline.with_evaluator("echo-score").build(runtime.registry), {"region": "north"})
    for _ in range(2):
        Run.create(run.store, plan)

    find_leftovers(run.store, runtime, Choice())
    assert [{"region": "north"}, {}] == cloud.searched

    cloud.searched.clear()
    find_leftovers(run.store, Runtime(runtime.registry, runtime.home, offline=True), Choice())
    assert [] == cloud.searched


def test_a_place_that_cannot_be_searched_is_reported(cloud: Cloud, run: Run, runtime: Runtime) -> None:
    """It is reported with its error, and with whether a run used it."""
    Run.create(run.store, _with_cloud(run.plan, {"region": "north"}))
    cloud.error = "no permission"

    leftovers = find_leftovers(run.store, runtime, Choice())

    assert [("cloud north", True)] == [(place.place, place.needed) for place in leftovers.unreachable]
    assert "no permission" == leftovers.unreachable[0].error


def _with_cloud(plan: Plan, settings: Mapping[str, Any]) -> Plan:
    return attrs.evolve(plan, settings={"cloud": settings}, plugins=(*plan.plugins, PluginPin("cloud", "", "")))
