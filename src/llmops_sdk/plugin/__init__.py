"""The authors' API: everything that a plugin imports. Start at `hookimpl`, the cards and the interfaces."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmops_sdk.assets.asset import (
        Asset as Asset,
    )
    from llmops_sdk.assets.asset import (
        find_asset as find_asset,
    )
    from llmops_sdk.assets.sources import (
        AssetSource as AssetSource,
    )
    from llmops_sdk.assets.sources import (
        DebianSource as DebianSource,
    )
    from llmops_sdk.assets.sources import (
        FolderSource as FolderSource,
    )
    from llmops_sdk.assets.sources import (
        WheelSource as WheelSource,
    )
    from llmops_sdk.data.rendering import (
        render as render,
    )
    from llmops_sdk.data.splits import (
        read_jsonl as read_jsonl,
    )
    from llmops_sdk.data.splits import (
        write_splits as write_splits,
    )
    from llmops_sdk.errors import (
        AssetError as AssetError,
    )
    from llmops_sdk.errors import (
        DataError as DataError,
    )
    from llmops_sdk.errors import (
        EndpointError as EndpointError,
    )
    from llmops_sdk.errors import (
        LLMOpsError as LLMOpsError,
    )
    from llmops_sdk.errors import (
        MissingExtraError as MissingExtraError,
    )
    from llmops_sdk.errors import (
        PluginError as PluginError,
    )
    from llmops_sdk.errors import (
        RequestError as RequestError,
    )
    from llmops_sdk.errors import (
        ResourceBusyError as ResourceBusyError,
    )
    from llmops_sdk.errors import (
        RunNotFoundError as RunNotFoundError,
    )
    from llmops_sdk.errors import (
        SpecError as SpecError,
    )
    from llmops_sdk.errors import (
        StepFailedError as StepFailedError,
    )
    from llmops_sdk.errors import (
        StoreError as StoreError,
    )
    from llmops_sdk.errors import (
        UserError as UserError,
    )
    from llmops_sdk.errors import (
        did_you_mean as did_you_mean,
    )
    from llmops_sdk.plugin.cards import (
        Card as Card,
    )
    from llmops_sdk.plugin.cards import (
        DatasetCard as DatasetCard,
    )
    from llmops_sdk.plugin.cards import (
        DeployerCard as DeployerCard,
    )
    from llmops_sdk.plugin.cards import (
        EvaluatorCard as EvaluatorCard,
    )
    from llmops_sdk.plugin.cards import (
        ExecutorCard as ExecutorCard,
    )
    from llmops_sdk.plugin.cards import (
        ModelCard as ModelCard,
    )
    from llmops_sdk.plugin.cards import (
        OrphanFinderCard as OrphanFinderCard,
    )
    from llmops_sdk.plugin.cards import (
        PromptCard as PromptCard,
    )
    from llmops_sdk.plugin.cards import (
        ReporterCard as ReporterCard,
    )
    from llmops_sdk.plugin.cards import (
        StoreCard as StoreCard,
    )
    from llmops_sdk.plugin.cards import (
        TrainerCard as TrainerCard,
    )
    from llmops_sdk.plugin.checks import (
        Check as Check,
    )
    from llmops_sdk.plugin.checks import (
        Finding as Finding,
    )
    from llmops_sdk.plugin.context import (
        Context as Context,
    )
    from llmops_sdk.plugin.hookspecs import (
        hookimpl as hookimpl,
    )
    from llmops_sdk.plugin.interfaces import (
        DatasetSource as DatasetSource,
    )
    from llmops_sdk.plugin.interfaces import (
        Deployer as Deployer,
    )
    from llmops_sdk.plugin.interfaces import (
        Evaluator as Evaluator,
    )
    from llmops_sdk.plugin.interfaces import (
        OrphanFinder as OrphanFinder,
    )
    from llmops_sdk.plugin.interfaces import (
        PromptSource as PromptSource,
    )
    from llmops_sdk.plugin.interfaces import (
        Reporter as Reporter,
    )
    from llmops_sdk.plugin.interfaces import (
        Trainer as Trainer,
    )
    from llmops_sdk.plugin.interfaces import (
        Transport as Transport,
    )
    from llmops_sdk.plugin.options import (
        DeployerOptions as DeployerOptions,
    )
    from llmops_sdk.plugin.options import (
        ExecutorOptions as ExecutorOptions,
    )
    from llmops_sdk.plugin.options import (
        ModelOptions as ModelOptions,
    )
    from llmops_sdk.plugin.options import (
        Options as Options,
    )
    from llmops_sdk.plugin.options import (
        TrainerOptions as TrainerOptions,
    )
    from llmops_sdk.plugin.options import (
        option as option,
    )
    from llmops_sdk.plugin.registry import (
        Registry as Registry,
    )
    from llmops_sdk.plugin.stores import (
        open_store as open_store,
    )
    from llmops_sdk.progress import (
        Progress as Progress,
    )
    from llmops_sdk.progress import (
        Task as Task,
    )
    from llmops_sdk.progress import (
        replay as replay,
    )
    from llmops_sdk.record.local_store import (
        LocalStore as LocalStore,
    )
    from llmops_sdk.record.runs import (
        Run as Run,
    )
    from llmops_sdk.record.stores import (
        Store as Store,
    )
    from llmops_sdk.steps.client.client import (
        Answered as Answered,
    )
    from llmops_sdk.steps.client.client import (
        Question as Question,
    )
    from llmops_sdk.steps.client.client import (
        Unanswered as Unanswered,
    )
    from llmops_sdk.steps.client.client import (
        ask as ask,
    )
    from llmops_sdk.steps.client.http import (
        HttpTransport as HttpTransport,
    )
    from llmops_sdk.steps.client.http import (
        is_loopback as is_loopback,
    )
    from llmops_sdk.steps.client.payloads import (
        error_message as error_message,
    )
    from llmops_sdk.steps.client.payloads import (
        is_transient as is_transient,
    )
    from llmops_sdk.steps.client.payloads import (
        make_payload as make_payload,
    )
    from llmops_sdk.steps.client.payloads import (
        make_scoring_payload as make_scoring_payload,
    )
    from llmops_sdk.steps.client.payloads import (
        parse_log_probability as parse_log_probability,
    )
    from llmops_sdk.steps.client.payloads import (
        parse_reply as parse_reply,
    )
    from llmops_sdk.steps.executor import (
        Executor as Executor,
    )
    from llmops_sdk.steps.runtime import (
        Runtime as Runtime,
    )
    from llmops_sdk.steps.runtime import (
        default_home as default_home,
    )
    from llmops_sdk.steps.step import (
        run_step as run_step,
    )
    from llmops_sdk.steps.worker import (
        Child as Child,
    )
    from llmops_sdk.values.data import (
        DatasetSplits as DatasetSplits,
    )
    from llmops_sdk.values.data import (
        Record as Record,
    )
    from llmops_sdk.values.data import (
        Split as Split,
    )
    from llmops_sdk.values.generations import (
        Generation as Generation,
    )
    from llmops_sdk.values.generations import (
        GenerationOptions as GenerationOptions,
    )
    from llmops_sdk.values.generations import (
        Probe as Probe,
    )
    from llmops_sdk.values.generations import (
        ProbeReply as ProbeReply,
    )
    from llmops_sdk.values.generations import (
        Reply as Reply,
    )
    from llmops_sdk.values.models import (
        BaseModel as BaseModel,
    )
    from llmops_sdk.values.models import (
        ServableModel as ServableModel,
    )
    from llmops_sdk.values.models import (
        TrainedModel as TrainedModel,
    )
    from llmops_sdk.values.models import (
        TrainingPoint as TrainingPoint,
    )
    from llmops_sdk.values.plan import (
        CompareStep as CompareStep,
    )
    from llmops_sdk.values.plan import (
        GenerateStep as GenerateStep,
    )
    from llmops_sdk.values.plan import (
        Plan as Plan,
    )
    from llmops_sdk.values.plan import (
        PrepareStep as PrepareStep,
    )
    from llmops_sdk.values.plan import (
        ScoreStep as ScoreStep,
    )
    from llmops_sdk.values.plan import (
        Step as Step,
    )
    from llmops_sdk.values.plan import (
        TrainStep as TrainStep,
    )
    from llmops_sdk.values.prompts import (
        ChatPrompt as ChatPrompt,
    )
    from llmops_sdk.values.prompts import (
        ChatTemplate as ChatTemplate,
    )
    from llmops_sdk.values.prompts import (
        Prompt as Prompt,
    )
    from llmops_sdk.values.prompts import (
        PromptTemplate as PromptTemplate,
    )
    from llmops_sdk.values.prompts import (
        TextPrompt as TextPrompt,
    )
    from llmops_sdk.values.prompts import (
        TextTemplate as TextTemplate,
    )
    from llmops_sdk.values.resources import (
        Endpoint as Endpoint,
    )
    from llmops_sdk.values.resources import (
        Resource as Resource,
    )
    from llmops_sdk.values.resources import (
        TaggedResource as TaggedResource,
    )
    from llmops_sdk.values.results import (
        Results as Results,
    )
    from llmops_sdk.values.scores import (
        Metric as Metric,
    )
    from llmops_sdk.values.scores import (
        RecordScore as RecordScore,
    )
    from llmops_sdk.values.scores import (
        Scored as Scored,
    )
    from llmops_sdk.values.scores import (
        Unscored as Unscored,
    )
    from llmops_sdk.values.secrets import (
        Secret as Secret,
    )
    from llmops_sdk.values.serial import (
        canonical as canonical,
    )
    from llmops_sdk.values.serial import (
        digest as digest,
    )
    from llmops_sdk.values.serial import (
        file_sha256 as file_sha256,
    )
    from llmops_sdk.values.serial import (
        from_json as from_json,
    )
    from llmops_sdk.values.step_records import (
        Failed as Failed,
    )
    from llmops_sdk.values.step_records import (
        StepRecord as StepRecord,
    )
    from llmops_sdk.values.step_records import (
        Succeeded as Succeeded,
    )

_HOMES = {
    "assets.asset": ("Asset", "find_asset"),
    "assets.sources": ("AssetSource", "DebianSource", "FolderSource", "WheelSource"),
    "data.rendering": ("render",),
    "data.splits": ("read_jsonl", "write_splits"),
    "errors": (
        "AssetError",
        "DataError",
        "EndpointError",
        "LLMOpsError",
        "MissingExtraError",
        "PluginError",
        "RequestError",
        "ResourceBusyError",
        "RunNotFoundError",
        "SpecError",
        "StepFailedError",
        "StoreError",
        "UserError",
        "did_you_mean",
    ),
    "plugin.cards": (
        "Card",
        "DatasetCard",
        "DeployerCard",
        "EvaluatorCard",
        "ExecutorCard",
        "ModelCard",
        "OrphanFinderCard",
        "PromptCard",
        "ReporterCard",
        "StoreCard",
        "TrainerCard",
    ),
    "plugin.checks": ("Check", "Finding"),
    "plugin.context": ("Context",),
    "plugin.hookspecs": ("hookimpl",),
    "plugin.interfaces": (
        "DatasetSource",
        "Deployer",
        "Evaluator",
        "OrphanFinder",
        "PromptSource",
        "Reporter",
        "Trainer",
        "Transport",
    ),
    "plugin.options": ("DeployerOptions", "ExecutorOptions", "ModelOptions", "Options", "TrainerOptions", "option"),
    "plugin.registry": ("Registry",),
    "plugin.stores": ("open_store",),
    "progress": ("Progress", "Task", "replay"),
    "record.local_store": ("LocalStore",),
    "record.runs": ("Run",),
    "record.stores": ("Store",),
    "steps.client.client": ("Answered", "Question", "Unanswered", "ask"),
    "steps.client.http": ("HttpTransport", "is_loopback"),
    "steps.client.payloads": (
        "error_message",
        "is_transient",
        "make_payload",
        "make_scoring_payload",
        "parse_log_probability",
        "parse_reply",
    ),
    "steps.executor": ("Executor",),
    "steps.runtime": ("Runtime", "default_home"),
    "steps.step": ("run_step",),
    "steps.worker": ("Child",),
    "values.data": ("DatasetSplits", "Record", "Split"),
    "values.generations": ("Generation", "GenerationOptions", "Probe", "ProbeReply", "Reply"),
    "values.models": ("BaseModel", "ServableModel", "TrainedModel", "TrainingPoint"),
    "values.plan": ("CompareStep", "GenerateStep", "Plan", "PrepareStep", "ScoreStep", "Step", "TrainStep"),
    "values.prompts": ("ChatPrompt", "ChatTemplate", "Prompt", "PromptTemplate", "TextPrompt", "TextTemplate"),
    "values.resources": ("Endpoint", "Resource", "TaggedResource"),
    "values.results": ("Results",),
    "values.scores": ("Metric", "RecordScore", "Scored", "Unscored"),
    "values.secrets": ("Secret",),
    "values.serial": ("canonical", "digest", "file_sha256", "from_json"),
    "values.step_records": ("Failed", "StepRecord", "Succeeded"),
}
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
    "DeployerOptions",
    "Endpoint",
    "EndpointError",
    "Evaluator",
    "EvaluatorCard",
    "Executor",
    "ExecutorCard",
    "ExecutorOptions",
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
    "ModelOptions",
    "Options",
    "OrphanFinder",
    "OrphanFinderCard",
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
    "Registry",
    "Reply",
    "Reporter",
    "ReporterCard",
    "RequestError",
    "Resource",
    "ResourceBusyError",
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
    "TaggedResource",
    "Task",
    "TextPrompt",
    "TextTemplate",
    "TrainStep",
    "TrainedModel",
    "Trainer",
    "TrainerCard",
    "TrainerOptions",
    "TrainingPoint",
    "Transport",
    "Unanswered",
    "Unscored",
    "UserError",
    "WheelSource",
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
    "run_step",
    "write_splits",
]


def __getattr__(name: str) -> Any:
    """Load a public name's module at its first use (PEP 562), so that importing the package costs nothing."""
    if name not in _HOME_OF:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"llmops_sdk.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
