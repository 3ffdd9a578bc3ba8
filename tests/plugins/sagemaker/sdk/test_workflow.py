"""What the SageMaker SDK pickles for a step: the name of one function of ours, and where it finds the rest."""

from __future__ import annotations

import pickle
import pickletools
import threading
from collections.abc import Iterable, Iterator

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.settings import SageMakerSettings
from llmops_plugins.sagemaker.pipeline import submit
from llmops_plugins.sagemaker.pipeline.compile import graph_of
from llmops_plugins.sagemaker.pipeline.shipping import Shipment
from llmops_sdk.plugin import Context, Evaluator, EvaluatorCard, Generation, Metric, RecordScore, Scored, hookimpl
from llmops_sdk.plugin.registry import Registry

from ..pipeline.test_compile import PLACE, SETTINGS, echo_pipeline


class Held(Evaluator):
    """Holds what cannot be pickled."""

    lock = threading.Lock()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("one"),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        with self.lock:
            yield from (Scored(generation.index, {"one": 1.0}) for generation in generations)


class HeldPlugin:
    """Offers it, and is no module, so that it cannot be imported by its name either."""

    lock = threading.Lock()

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        return (EvaluatorCard(name="held", summary="", load=f"{__name__}:Held"),)


def texts(data: bytes) -> tuple[str, ...]:
    """The texts in a pickle: names of what is looked up where it is read, and values."""
    return tuple(str(value) for _, value, _ in pickletools.genops(data) if isinstance(value, str))


def test_no_object_of_a_plugin_is_pickled(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a plugin may hold what cannot be pickled: a step imports it by its name, and its options are in the plan's JSON."""
    registry.add("held", HeldPlugin())
    plan = echo_pipeline().with_evaluator("held").build(registry)
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(HeldPlugin.lock)
    monkeypatch.setattr(submit, "ship", lambda _plan, _registry, folder, **_: Shipment(folder, ()))

    graph = graph_of(plan)
    made = submit.compile_graph(Aws(SageMakerSettings.from_mapping(SETTINGS)), graph, plan, registry, PLACE)

    pickles = [(key.split("/"), texts(data)) for (_, key), data in made.uploads.items() if key.endswith(".pkl")]
    variable = (
        "sagemaker.remote_function.core.pipeline_variables",
        "_ExecutionVariable",
        "name",
        "PipelineExecutionId",
    )
    assert {(path[-2], path[3]): found for path, found in pickles} == {
        **{("function", node.name): ("llmops_plugins.sagemaker.pipeline.steps", "run_node") for node in graph.nodes},
        **{("arguments", node.name): (PLACE.plan, *variable, node.name) for node in graph.nodes},
    }
