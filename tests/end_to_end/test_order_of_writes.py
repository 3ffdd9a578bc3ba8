"""The order in which a run writes to the disk and creates what is billed: what a power cut leaves can always be resumed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.steps.client.http.transport import HttpTransport
from llmops_sdk.testing import EchoEndpoint

Event = tuple[str, str]


@pytest.fixture(name="events")
def _events(home: Path, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> list[Event]:  # noqa: ARG001 - its cache
    """What a run did, in order: `fsync`, `rename` and `remove` of a path in the store, `deploy`, `ask` and `delete`."""
    events: list[Event] = []
    root = tmp_path / "runs"

    def note(module: Any, function: str, event: str, path: Callable[..., str]) -> None:
        original = getattr(module, function)

        def noted(*arguments: Any, **named: Any) -> Any:
            where = path(*arguments)
            if event in ("fsync", "rename", "remove"):  # once it is done
                result = original(*arguments, **named)
                events.append((event, where))
                return result
            events.append((event, where))
            return original(*arguments, **named)

        monkeypatch.setattr(module, function, noted)

    def in_store(path: Path) -> str:
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    note(os, "fsync", "fsync", lambda handle: in_store(Path(f"/dev/fd/{handle}").resolve()).partition(".json.")[0])
    note(os, "replace", "rename", lambda _, target: in_store(Path(target)))
    note(shutil, "rmtree", "remove", lambda path: in_store(Path(path)))
    note(EchoEndpoint, "deploy", "deploy", lambda *_: "")
    note(EchoEndpoint, "delete", "delete", lambda *_: "")
    note(HttpTransport, "send", "ask", lambda *_: "")
    pipeline = Pipeline.builder("order").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    pipeline = pipeline.with_model("echo", fine_tune=False, deployer={"concurrency": 1})
    pipeline.run(store=LocalStore(root), registry=registry, progress=Progress())
    return events


def test_a_resource_is_in_the_ledger_before_it_is_created(events: list[Event]) -> None:
    """Plan, run and entry are on the disk before the endpoint is; it is marked as deleted once it is."""
    plan = _durable(events, "plans/", "plan.json")
    run = _durable(events, "runs/", "run.json")
    (entry,) = _all_durable(events, "/ledger/")
    marked = max(place for place, (event, path) in enumerate(events) if event == "rename" and "/ledger/" in path)

    assert plan < run < entry < events.index(("deploy", "")) < events.index(("ask", ""))
    assert events.index(("delete", "")) < marked


def test_answers_are_on_the_disk_before_their_journal_is_deleted(events: list[Event]) -> None:
    """First the file and its folder, then the artifact, then the record of the step."""
    final = _place(events, "fsync", "/final/generations.jsonl")
    artifact = _durable(events, "artifacts/generations/", "artifact.json")
    journal = _place(events, "remove", "/segments")
    record = _durable(events, "/steps/", "generate.echo.json")

    assert _last_ask(events) < min(final, _place(events, "fsync", "/final"))
    assert max(final, _place(events, "fsync", "/final")) < _renamed(events, "artifacts/generations/")
    assert _renamed(events, "artifacts/generations/") < artifact < journal < record


def test_what_a_step_made_is_on_the_disk_before_its_record(events: list[Event]) -> None:
    """Data, scores and results, each with its files."""
    for kind, file, step in (
        ("data", "test.jsonl", "prepare.lines"),
        ("scores", "scores.jsonl", "score.echo.bare.lines"),
    ):
        artifact = _durable(events, f"artifacts/{kind}/", "artifact.json")
        assert _place(events, "fsync", f"/{file}") < _renamed(events, f"artifacts/{kind}/") < artifact, kind
        assert artifact < _durable(events, "/steps/", f"{step}.json"), kind
    assert _durable(events, "runs/", "results.json") < _durable(events, "/steps/", "compare.json")


def _durable(events: list[Event], part: str, end: str) -> int:
    """Return the place where a file was safe: on the disk before its rename, and its folder after it."""
    (place,) = _all_durable(events, part, end)
    return place


def _all_durable(events: list[Event], part: str, end: str = "") -> list[int]:
    places = []
    for place, (event, path) in enumerate(events):
        if event == "rename" and part in path and path.endswith(end):
            before = list(takewhile(_is_flush, reversed(events[:place])))
            if ("fsync", path.removesuffix(".json")) in before:
                after = list(takewhile(_is_flush, events[place + 1 :]))
                places.append(place + 1 + after.index(("fsync", path.rpartition("/")[0])))
    return places


def _is_flush(event: Event) -> bool:
    return event[0] == "fsync"


def _renamed(events: list[Event], part: str) -> int:
    """Return the place where the value of an artifact got its name."""
    return next(
        place
        for place, (name, path) in enumerate(events)
        if name == "rename" and part in path and path.endswith("artifact.json")
    )


def _place(events: list[Event], event: str, end: str) -> int:
    return next(place for place, (name, path) in enumerate(events) if name == event and path.endswith(end))


def _last_ask(events: list[Event]) -> int:
    return max(place for place, (name, _) in enumerate(events) if name == "ask")
