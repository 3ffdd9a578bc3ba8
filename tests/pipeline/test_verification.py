"""Reading a store again: what is damaged, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk import Pipeline, Progress
from llmops_sdk.pipeline.verification import verify_run, verify_store
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.run import Run
from llmops_sdk.testing import MemoryStore


def _finished(registry: Registry, store: MemoryStore) -> Run:
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    pipeline = pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")
    return pipeline.run(store=store, registry=registry, progress=Progress()).run


def test_a_sound_store_has_no_damage(registry: Registry, home: Path) -> None:  # noqa: ARG001
    """All runs and artifacts are counted."""
    store = MemoryStore()
    run = _finished(registry, store)

    assert () == verify_run(run).damages
    verification = verify_store(store)
    assert (1, 5, ()) == (verification.runs, verification.artifacts, verification.damages)


def test_damage_is_named_with_its_remedy(registry: Registry, home: Path) -> None:  # noqa: ARG001
    """A changed artifact, a damaged entry of the ledger, a broken run."""
    store = MemoryStore()
    run = _finished(registry, store)
    other = _finished(registry, store)
    (answers,) = (key for key in store.list("artifacts/generations/") if key.endswith("generations.jsonl"))
    store.put(answers, (store.get(answers) or b"").replace(b"LINE", b"LIME"))
    (entry,) = store.list(f"runs/{run.id}/ledger/")
    store.put(entry, b"")
    store.put(f"runs/{other.id}/run.json", b"{")

    remedies = {damage.remedy for damage in verify_store(store).damages}

    assert {
        f"the resource is deleted by: llmops gc --run {run.id}",
        f"the records are asked again by: llmops run --resume {run.id}",
        "run its specification again",
    } == remedies
