"""Which LLM should I use? Fine-tune, deploy and evaluate candidates from one specification, and decide on evidence.

Start at `Pipeline`; write a plugin with `hookimpl`, the cards and the interfaces.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmops_sdk.assets import Asset, AssetSource, DebianSource, FolderSource, WheelSource, find_asset
    from llmops_sdk.builder import Pipeline, Result
    from llmops_sdk.cards import (
        Card,
        Check,
        DatasetCard,
        DeployerCard,
        EvaluatorCard,
        ExecutorCard,
        Finding,
        ModelCard,
        NoOptions,
        PromptCard,
        ReporterCard,
        StoreCard,
        SweeperCard,
        TrainerCard,
        option,
    )
    from llmops_sdk.errors import (
        AssetError,
        DataError,
        EndpointError,
        LLMOpsError,
        MissingExtraError,
        PluginError,
        RequestError,
        ResourceBusyError,
        RunNotFoundError,
        SpecError,
        StepFailedError,
        StoreError,
        UserError,
        did_you_mean,
    )
    from llmops_sdk.hookspecs import hookimpl
    from llmops_sdk.interfaces import (
        Context,
        DatasetSource,
        Deployer,
        Evaluator,
        Executor,
        PromptSource,
        Reporter,
        Sweeper,
        Trainer,
        Transport,
    )
    from llmops_sdk.opening import open_store
    from llmops_sdk.plans import (
        CompareStep,
        Failed,
        GenerateStep,
        Plan,
        PrepareStep,
        ScoreStep,
        Step,
        StepRecord,
        Succeeded,
        TrainStep,
    )
    from llmops_sdk.progress import Progress, Task, replay
    from llmops_sdk.prompts import render
    from llmops_sdk.rescoring import rescore
    from llmops_sdk.results import Results
    from llmops_sdk.running import Answered, Question, Runtime, Unanswered, ask, default_home, run_step
    from llmops_sdk.runs import Run
    from llmops_sdk.secrets import Secret
    from llmops_sdk.serial import canonical, digest, file_sha256, from_json
    from llmops_sdk.splits import read_jsonl, write_splits
    from llmops_sdk.stores import LocalStore, Store
    from llmops_sdk.transport import (
        HttpTransport,
        error_message,
        is_loopback,
        is_transient,
        make_payload,
        make_scoring_payload,
        parse_log_probability,
        parse_reply,
    )
    from llmops_sdk.values import (
        BaseModel,
        ChatPrompt,
        ChatTemplate,
        DatasetSplits,
        Endpoint,
        Generation,
        GenerationOptions,
        Metric,
        Probe,
        ProbeReply,
        Prompt,
        PromptTemplate,
        Record,
        RecordScore,
        Reply,
        Resource,
        Scored,
        ServableModel,
        Split,
        TaggedResource,
        TextPrompt,
        TextTemplate,
        TrainedModel,
        TrainingPoint,
        Unscored,
    )
    from llmops_sdk.worker import Child

__version__ = "0.1.0"

_HOMES = {
    "assets": ("Asset", "AssetSource", "DebianSource", "FolderSource", "WheelSource", "find_asset"),
    "builder": ("Pipeline", "Result"),
    "errors": (
        "AssetError", "DataError", "EndpointError", "LLMOpsError", "MissingExtraError", "PluginError", "RequestError",
        "ResourceBusyError", "RunNotFoundError", "SpecError", "StepFailedError", "StoreError", "UserError", "did_you_mean",
    ),
    "hookspecs": ("hookimpl",),
    "cards": (
        "Card", "Check", "DatasetCard", "DeployerCard", "EvaluatorCard", "ExecutorCard", "Finding", "ModelCard",
        "NoOptions", "PromptCard", "ReporterCard", "StoreCard", "SweeperCard", "TrainerCard", "option",
    ),
    "interfaces": (
        "Context", "DatasetSource", "Deployer", "Evaluator", "Executor", "PromptSource", "Reporter", "Sweeper", "Trainer",
        "Transport",
    ),
    "plans": (
        "CompareStep", "Failed", "GenerateStep", "Plan", "PrepareStep", "ScoreStep", "Step", "StepRecord", "Succeeded",
        "TrainStep",
    ),
    "progress": ("Progress", "Task", "replay"),
    "prompts": ("render",),
    "opening": ("open_store",),
    "rescoring": ("rescore",),
    "results": ("Results",),
    "running": ("Answered", "Question", "Runtime", "Unanswered", "ask", "default_home", "run_step"),
    "transport": (
        "HttpTransport", "error_message", "is_loopback", "is_transient", "make_payload", "make_scoring_payload",
        "parse_log_probability", "parse_reply",
    ),
    "runs": ("Run",),
    "secrets": ("Secret",),
    "serial": ("canonical", "digest", "file_sha256", "from_json"),
    "splits": ("read_jsonl", "write_splits"),
    "stores": ("LocalStore", "Store"),
    "values": (
        "BaseModel", "ChatPrompt", "ChatTemplate", "DatasetSplits", "Endpoint", "Generation", "GenerationOptions",
        "Metric", "Probe", "ProbeReply", "Prompt", "PromptTemplate", "Record", "RecordScore", "Reply", "Resource", "Scored",
        "ServableModel", "Split", "TaggedResource", "TextPrompt", "TextTemplate", "TrainedModel", "TrainingPoint", "Unscored",
    ),
    "worker": ("Child",),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answered",
    "Asset",
    "AssetError",
    "AssetSource",
    "BaseModel",
    "Card",
    "ChatPrompt",
    "ChatTemplate",
    "Check",
    "Child",
    "CompareStep",
    "Context",
    "DataError",
    "DatasetCard",
    "DatasetSource",
    "DatasetSplits",
    "DebianSource",
    "Deployer",
    "DeployerCard",
    "Endpoint",
    "EndpointError",
    "Evaluator",
    "EvaluatorCard",
    "Executor",
    "ExecutorCard",
    "Failed",
    "Finding",
    "FolderSource",
    "GenerateStep",
    "Generation",
    "GenerationOptions",
    "HttpTransport",
    "LLMOpsError",
    "LocalStore",
    "Metric",
    "MissingExtraError",
    "ModelCard",
    "NoOptions",
    "Pipeline",
    "Plan",
    "PluginError",
    "PrepareStep",
    "Probe",
    "ProbeReply",
    "Progress",
    "Prompt",
    "PromptCard",
    "PromptSource",
    "PromptTemplate",
    "Question",
    "Record",
    "RecordScore",
    "Reply",
    "Reporter",
    "ReporterCard",
    "RequestError",
    "Resource",
    "ResourceBusyError",
    "Result",
    "Results",
    "Run",
    "RunNotFoundError",
    "Runtime",
    "ScoreStep",
    "Scored",
    "Secret",
    "ServableModel",
    "SpecError",
    "Split",
    "Step",
    "StepFailedError",
    "StepRecord",
    "Store",
    "StoreCard",
    "StoreError",
    "Succeeded",
    "Sweeper",
    "SweeperCard",
    "TaggedResource",
    "Task",
    "TextPrompt",
    "TextTemplate",
    "TrainStep",
    "TrainedModel",
    "Trainer",
    "TrainerCard",
    "TrainingPoint",
    "Transport",
    "Unanswered",
    "Unscored",
    "UserError",
    "WheelSource",
    "__version__",
    "ask",
    "canonical",
    "default_home",
    "did_you_mean",
    "digest",
    "error_message",
    "file_sha256",
    "find_asset",
    "from_json",
    "hookimpl",
    "is_loopback",
    "is_transient",
    "make_payload",
    "make_scoring_payload",
    "open_store",
    "option",
    "parse_log_probability",
    "parse_reply",
    "read_jsonl",
    "render",
    "replay",
    "rescore",
    "run_step",
    "write_splits",
]


def __getattr__(name: str) -> Any:
    """Load a public name's module at its first use (PEP 562), so that importing the package costs nothing."""
    if name not in _HOME_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
