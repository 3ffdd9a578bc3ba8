"""`serve`: a candidate of a run for users' own programs; the run's record stays as it is."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from llmops_sdk import LocalStore, Pipeline, RecordError, Result, Run, RunNotFoundError, SpecError, serve
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.record.layout import ArtifactLayout
from llmops_sdk.values.models import BaseModel
from llmops_sdk.values.step_records import Failed, Succeeded


class Lines(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> LocalStore:
    """A store on disk."""
    return LocalStore(tmp_path / "runs")


@pytest.fixture(name="pipeline")
def _pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - nothing is cached outside the test
    """A base model and one that is fine-tuned on two datasets."""
    return (
        Pipeline.builder("echo")
        .with_dataset("lines", name="one", records=8)
        .with_dataset("lines", name="two", records=9)
        .with_prompt("bare")
        .with_model("echo", name="quiet", voice="quiet", fine_tune=False)
        .with_model("echo", name="loud", train_on="one")
        .with_evaluator("echo-score")
    )


@pytest.fixture(name="finished")
def _finished(pipeline: Pipeline, store: LocalStore, registry: Registry) -> Result:
    """A finished run."""
    return pipeline.run(store=store, registry=registry, progress=Progress())


def files(store: LocalStore) -> dict[str, bytes]:
    """All files of a store."""
    return {key: store.get(key) or b"" for key in store.list("")}


def answer(url: str) -> str:
    """What the server makes of a text."""
    response = httpx.post(f"{url}/invocations", json={"inputs": "hello"}, trust_env=False)
    text: str = response.json()[0]["generated_text"]
    return text


@pytest.mark.parametrize(("candidate", "text"), [("quiet", "hello"), ("loud", "HELLO")])
def test_a_candidate_is_served_until_the_end_of_the_block(
    candidate: str, text: str, finished: Result, store: LocalStore, registry: Registry
) -> None:
    """A base model and a fine-tuned one, at the given port; the record does not change, and nothing is left."""
    before = files(store)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with serve("latest", candidate, port=port, store=store, registry=registry, progress=Progress()) as served:
        assert (f"http://127.0.0.1:{port}", candidate) == (served.url, served.model)
        assert (candidate, finished.run.id) == (served.name, served.run_id)
        assert text == answer(served.url)
        assert not served.asks_chats

    with pytest.raises(httpx.ConnectError):
        answer(served.url)
    assert before == files(store)


def test_names_that_a_run_does_not_have(finished: Result, store: LocalStore, registry: Registry) -> None:
    """The errors list what there is."""
    for candidate, dataset, message in (
        ("lout", "", "no candidate 'lout'; did you mean 'loud'?"),
        ("nobody", "", "no candidate 'nobody'; known: loud, quiet"),
        ("", "", f"name a candidate of run '{finished.run.id}': quiet, loud"),
        ("loud", "three", "candidate 'loud' of run '.*' has no dataset 'three'"),
    ):
        with (
            pytest.raises(SpecError, match=message.replace("?", r"\?")),
            serve(candidate=candidate, dataset=dataset, store=store, registry=registry),
        ):
            pass
    with pytest.raises(RunNotFoundError), serve("other", "loud", store=store, registry=registry):
        pass


def test_a_candidate_that_was_fine_tuned_on_several_datasets(
    pipeline: Pipeline, store: LocalStore, registry: Registry
) -> None:
    """Its weights are chosen by the dataset."""
    pipeline.with_model("echo", name="both").run(store=store, registry=registry, progress=Progress())
    with (
        pytest.raises(
            SpecError, match="'both' was fine-tuned on each of several datasets; choose the dataset: one, two"
        ),
        serve(candidate="both", store=store, registry=registry),
    ):
        pass
    with serve(candidate="both", dataset="two", store=store, registry=registry, progress=Progress()) as served:
        assert "HELLO" == answer(served.url)


def test_a_checkpoint_of_a_recipe_is_served_by_its_seed(
    pipeline: Pipeline, store: LocalStore, registry: Registry
) -> None:
    """Without a seed, or with another one, the error names those that there are."""
    recipe = pipeline.with_model("echo", name="tuned", train_on="one", trainer={"voice": "unsteady", "seeds": [1, 2]})
    recipe.run(store=store, registry=registry, progress=Progress())

    with serve(candidate="tuned", seed=2, store=store, registry=registry, progress=Progress()) as served:
        assert answer(served.url.removesuffix("/v1")) in {"hello", "HELLO"}
    for seed in (None, 3):
        with (
            pytest.raises(SpecError, match="was fine-tuned with the seeds 1, 2; choose one of them"),
            serve(candidate="tuned", seed=seed, store=store, registry=registry, progress=Progress()),
        ):
            pass
    with (
        pytest.raises(SpecError, match=r"candidate 'loud' of run '.*' was not fine-tuned with several seeds"),
        serve(candidate="loud", seed=1, store=store, registry=registry, progress=Progress()),
    ):
        pass


def test_a_candidate_that_is_not_trained(pipeline: Pipeline, store: LocalStore, registry: Registry) -> None:
    """A failed training is named with its reason, a missing one with the command that resumes the run."""
    plan = pipeline.plan(registry=registry)
    run = Run.create(store, plan)
    message = f"not trained yet; resume the run with: llmops run --resume {run.id}"
    with pytest.raises(SpecError, match=message), serve(run.id, "loud", store=store, registry=registry):
        pass
    step = next(step.name for step in plan.steps if step.name.startswith("train."))
    run.write_record(Failed(step, "no memory", "", step, 0.0, 0.0))
    message = f"cannot be served: step '{step}' failed: no memory"
    with pytest.raises(SpecError, match=message), serve(run.id, "loud", store=store, registry=registry):
        pass


def test_weights_that_are_gone(finished: Result, store: LocalStore, registry: Registry) -> None:
    """The error has the command that makes them again."""
    step = next(step.name for step in finished.run.plan.steps if step.name.startswith("train."))
    record = finished.run.record(step)
    assert isinstance(record, Succeeded)
    store.delete(f"{ArtifactLayout(record.artifacts['model']).prefix}/")
    message = f"what step '{step}' made is gone; make it again with: llmops run --resume {finished.run.id}"
    with pytest.raises(RecordError, match=message), serve(candidate="loud", store=store, registry=registry):
        pass


def test_a_port_that_is_in_use(finished: Result, store: LocalStore, registry: Registry) -> None:
    """One line, before anything is started."""
    assert finished.run.id
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = f"port {port} cannot be used: Address already in use; choose another"
        with (
            pytest.raises(SpecError, match=message),
            serve(candidate="loud", port=port, store=store, registry=registry),
        ):
            pass


def test_a_model_that_does_not_run_here(
    finished: Result, store: LocalStore, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its deployer says why."""
    assert finished.run.id
    monkeypatch.delattr("llmops_sdk.testing.deployer.EchoEndpoint.serve")
    message = "candidate 'loud' cannot be served here: its model does not run on this machine"
    with pytest.raises(SpecError, match=message), serve(candidate="loud", store=store, registry=registry):
        pass


def test_other_weights_than_those_of_the_run_are_a_warning(
    finished: Result, store: LocalStore, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights of a base model may have changed since they were evaluated."""
    assert finished.run.id
    progress = Lines()
    with serve(candidate="quiet", store=store, registry=registry, progress=progress):
        pass
    assert [] == progress.lines

    def fingerprint(_self: object, _context: object, _model: BaseModel) -> str:
        return "newer"

    monkeypatch.setattr("llmops_sdk.testing.deployer.EchoEndpoint.fingerprint", fingerprint)
    with serve(candidate="quiet", store=store, registry=registry, progress=progress):
        pass
    (line,) = progress.lines
    assert line.startswith("warning: the weights of model 'quiet' have changed since the run")
