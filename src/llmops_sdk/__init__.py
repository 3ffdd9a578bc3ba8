"""Which LLM should I use? Fine-tune, deploy and evaluate candidates from one specification, and decide on evidence.

This is the users' API; start at `Pipeline`. Plugins are written with `llmops_sdk.plugin`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from llmops_sdk.deprecations import Deprecation, current_name

if TYPE_CHECKING:
    from llmops_sdk.cleanup.cleanup import Cleanup as Cleanup
    from llmops_sdk.errors import (
        AssetError as AssetError,
        DataError as DataError,
        EndpointError as EndpointError,
        LLMOpsError as LLMOpsError,
        MissingExtraError as MissingExtraError,
        PluginError as PluginError,
        RecordError as RecordError,
        RunInterrupted as RunInterrupted,
        RunNotFoundError as RunNotFoundError,
        SpecError as SpecError,
        StepFailedError as StepFailedError,
        StoreError as StoreError,
        UserError as UserError,
    )
    from llmops_sdk.explain.explanation import Explanation as Explanation
    from llmops_sdk.functions.decorators import (
        dataset as dataset,
        metric as metric,
        prompt as prompt,
        target as target,
    )
    from llmops_sdk.pipeline.cleaning import clean as clean
    from llmops_sdk.pipeline.execution import attach as attach, resume as resume
    from llmops_sdk.pipeline.imports.compare import compare as compare
    from llmops_sdk.pipeline.pipeline import Pipeline as Pipeline
    from llmops_sdk.pipeline.rescoring import rescore as rescore
    from llmops_sdk.pipeline.result import Result as Result, load as load
    from llmops_sdk.pipeline.serving import ServedCandidate as ServedCandidate, serve as serve
    from llmops_sdk.plugin.registry import Registry as Registry
    from llmops_sdk.plugin.stores import open_store as open_store
    from llmops_sdk.progress import Progress as Progress
    from llmops_sdk.record.local_store import LocalStore as LocalStore
    from llmops_sdk.record.run import Run as Run
    from llmops_sdk.record.stores import Store as Store
    from llmops_sdk.values.answers import Answer as Answer
    from llmops_sdk.values.estimates import (
        Difference as Difference,
        Estimate as Estimate,
        MarginResult as MarginResult,
        PairTest as PairTest,
    )
    from llmops_sdk.values.generation_options import GenerationOptions as GenerationOptions
    from llmops_sdk.values.grades import Grading as Grading
    from llmops_sdk.values.models import TrainedModel as TrainedModel
    from llmops_sdk.values.plan import Plan as Plan
    from llmops_sdk.values.results import (
        CellResult as CellResult,
        EvaluatorInfo as EvaluatorInfo,
        FailedCell as FailedCell,
        Leaderboard as Leaderboard,
        LookResult as LookResult,
        NoiseFloor as NoiseFloor,
        Overall as Overall,
        Results as Results,
        Speed as Speed,
        Verdict as Verdict,
        WeightedMean as WeightedMean,
    )
    from llmops_sdk.values.samples import Sample as Sample
    from llmops_sdk.values.scores import Metric as Metric
    from llmops_sdk.values.secrets import Secret as Secret
    from llmops_sdk.values.summaries import Summary as Summary

    __version__: str

_HOMES = {
    "cleanup.cleanup": ("Cleanup",),
    "errors": (
        "AssetError",
        "DataError",
        "EndpointError",
        "LLMOpsError",
        "MissingExtraError",
        "PluginError",
        "RecordError",
        "RunInterrupted",
        "RunNotFoundError",
        "SpecError",
        "StepFailedError",
        "StoreError",
        "UserError",
    ),
    "explain.explanation": ("Explanation",),
    "functions.decorators": ("dataset", "metric", "prompt", "target"),
    "pipeline.cleaning": ("clean",),
    "pipeline.execution": ("attach", "resume"),
    "pipeline.imports.compare": ("compare",),
    "pipeline.pipeline": ("Pipeline",),
    "pipeline.rescoring": ("rescore",),
    "pipeline.result": ("Result", "load"),
    "pipeline.serving": ("ServedCandidate", "serve"),
    "plugin.registry": ("Registry",),
    "plugin.stores": ("open_store",),
    "progress": ("Progress",),
    "record.local_store": ("LocalStore",),
    "record.run": ("Run",),
    "record.stores": ("Store",),
    "values.answers": ("Answer",),
    "values.estimates": ("Difference", "Estimate", "MarginResult", "PairTest"),
    "values.generation_options": ("GenerationOptions",),
    "values.grades": ("Grading",),
    "values.models": ("TrainedModel",),
    "values.plan": ("Plan",),
    "values.results": (
        "CellResult",
        "EvaluatorInfo",
        "FailedCell",
        "Leaderboard",
        "LookResult",
        "NoiseFloor",
        "Overall",
        "Results",
        "Speed",
        "Verdict",
        "WeightedMean",
    ),
    "values.samples": ("Sample",),
    "values.scores": ("Metric",),
    "values.secrets": ("Secret",),
    "values.summaries": ("Summary",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_DEPRECATED: dict[str, Deprecation] = {}  # each is imported above too, for type checkers: `New as Old`

__all__ = sorted([*_HOME_OF, "__version__"])  # noqa: PLE0605 - the test of the faces compares it with the names above


# Not for type checkers: with it, they would take every misspelled name for one of the module.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load a public name's module at its first use (PEP 562): importing the package loads none of them."""
        if name == "__version__":
            from importlib.metadata import version

            return version("llmops-sdk")
        current = current_name(__name__, name, _DEPRECATED)
        if current not in _HOME_OF:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = getattr(import_module(f"llmops_sdk.{_HOME_OF[current]}"), current)
        globals()[current] = value
        return value


def __dir__() -> list[str]:
    return __all__
