"""The authors' API: everything that a plugin imports. Start at `hookimpl`, the cards and the interfaces."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from llmops_sdk.deprecations import Deprecation, current_name

if TYPE_CHECKING:
    from llmops_sdk.assets.asset import Asset as Asset, find_asset as find_asset
    from llmops_sdk.assets.environments import (
        EnvironmentSource as EnvironmentSource,
        environment_python as environment_python,
    )
    from llmops_sdk.assets.sources import (
        AssetSource as AssetSource,
        FolderSource as FolderSource,
        WheelSource as WheelSource,
    )
    from llmops_sdk.data.columns import is_column as is_column, value_at as value_at
    from llmops_sdk.data.files.columnar import class_name as class_name
    from llmops_sdk.data.files.encodings import is_encoding as is_encoding
    from llmops_sdk.data.files.formats import (
        name_binary as name_binary,
        name_other_format as name_other_format,
        read_head as read_head,
    )
    from llmops_sdk.data.files.json_stream import JsonStream as JsonStream, open_json as open_json
    from llmops_sdk.data.files.jsonl import read_jsonl as read_jsonl
    from llmops_sdk.data.files.table import NamedRow as NamedRow, Table as Table, open_table as open_table
    from llmops_sdk.data.mapping import RowMapping as RowMapping
    from llmops_sdk.data.rendering import render as render
    from llmops_sdk.data.scalars import id_text as id_text, number_of as number_of
    from llmops_sdk.data.splits import write_splits as write_splits
    from llmops_sdk.deprecations import LLMOpsDeprecationWarning as LLMOpsDeprecationWarning
    from llmops_sdk.errors import (
        AssetError as AssetError,
        DataError as DataError,
        EndpointError as EndpointError,
        LLMOpsError as LLMOpsError,
        MissingExtraError as MissingExtraError,
        PluginError as PluginError,
        RecordError as RecordError,
        RequestError as RequestError,
        ResourceBusyError as ResourceBusyError,
        RunNotFoundError as RunNotFoundError,
        SpecError as SpecError,
        StepFailedError as StepFailedError,
        StoreError as StoreError,
        UserError as UserError,
        did_you_mean as did_you_mean,
    )
    from llmops_sdk.plugin.api import API_VERSION as API_VERSION
    from llmops_sdk.plugin.cards import (
        Card as Card,
        DatasetCard as DatasetCard,
        DeployerCard as DeployerCard,
        EvaluatorCard as EvaluatorCard,
        ExecutorCard as ExecutorCard,
        ImporterCard as ImporterCard,
        ModelCard as ModelCard,
        OrphanFinderCard as OrphanFinderCard,
        PromptCard as PromptCard,
        ReporterCard as ReporterCard,
        RetrieverCard as RetrieverCard,
        StoreCard as StoreCard,
        TrainerCard as TrainerCard,
    )
    from llmops_sdk.plugin.checks import Check as Check, Finding as Finding
    from llmops_sdk.plugin.context import Context as Context
    from llmops_sdk.plugin.hookspecs import hookimpl as hookimpl
    from llmops_sdk.plugin.installed import InstalledPlugin as InstalledPlugin, install_hint as install_hint
    from llmops_sdk.plugin.interfaces import (
        DatasetSource as DatasetSource,
        Deployer as Deployer,
        Evaluator as Evaluator,
        Importer as Importer,
        ModelServer as ModelServer,
        OrphanFinder as OrphanFinder,
        PromptSource as PromptSource,
        RecordTransport as RecordTransport,
        Reporter as Reporter,
        Trainer as Trainer,
        Transport as Transport,
    )
    from llmops_sdk.plugin.metering import Metering as Metering
    from llmops_sdk.plugin.options import (
        DeployerOptions as DeployerOptions,
        EvaluatorOptions as EvaluatorOptions,
        ExecutorOptions as ExecutorOptions,
        ModelOptions as ModelOptions,
        Options as Options,
        TrainerOptions as TrainerOptions,
        extra_fields as extra_fields,
        option as option,
    )
    from llmops_sdk.plugin.registry import Offer as Offer, Registry as Registry
    from llmops_sdk.plugin.stores import open_store as open_store
    from llmops_sdk.progress import Progress as Progress, Task as Task, replay as replay
    from llmops_sdk.record.artifacts import (
        Artifact as Artifact,
        artifact_addresses as artifact_addresses,
        copy_artifact as copy_artifact,
        read_artifact as read_artifact,
    )
    from llmops_sdk.record.layout import (
        PlanAddress as PlanAddress,
        plan_uri as plan_uri,
        split_plan_uri as split_plan_uri,
    )
    from llmops_sdk.record.ledger import LedgerEntry as LedgerEntry
    from llmops_sdk.record.local_store import LocalStore as LocalStore
    from llmops_sdk.record.marks import FileMark as FileMark
    from llmops_sdk.record.metadata import RunMetadata as RunMetadata
    from llmops_sdk.record.plans import read_plan as read_plan, write_plan as write_plan
    from llmops_sdk.record.run import Run as Run
    from llmops_sdk.record.stores import Journal as Journal, Store as Store, StoredFile as StoredFile
    from llmops_sdk.report.collect import report_run as report_run
    from llmops_sdk.report.tables.arrow import arrow_schema as arrow_schema
    from llmops_sdk.report.tables.candidates import CandidateRow as CandidateRow, read_candidates as read_candidates
    from llmops_sdk.report.tables.rows import (
        AnswerScore as AnswerScore,
        Row as Row,
        ScoredAnswer as ScoredAnswer,
        read_answers as read_answers,
        read_rows as read_rows,
        row_columns as row_columns,
    )
    from llmops_sdk.steps.client.answers import (
        parse_answer as parse_answer,
        parse_log_probability as parse_log_probability,
    )
    from llmops_sdk.steps.client.client import Question as Question, ask as ask
    from llmops_sdk.steps.client.endings import read_ending as read_ending
    from llmops_sdk.steps.client.http.addresses import is_loopback as is_loopback
    from llmops_sdk.steps.client.http.keys import bearer_headers as bearer_headers
    from llmops_sdk.steps.client.http.transport import HttpTransport as HttpTransport
    from llmops_sdk.steps.client.payloads import (
        make_payload as make_payload,
        make_scoring_payload as make_scoring_payload,
    )
    from llmops_sdk.steps.client.refusals import (
        error_message as error_message,
        is_transient as is_transient,
        refused_parameter as refused_parameter,
    )
    from llmops_sdk.steps.executor import Executor as Executor
    from llmops_sdk.steps.retrieval.retriever import Hit as Hit, Retriever as Retriever
    from llmops_sdk.steps.runtime import Runtime as Runtime, default_home as default_home
    from llmops_sdk.steps.step import run_step as run_step
    from llmops_sdk.steps.worker import Child as Child
    from llmops_sdk.values.answers import (
        Answer as Answer,
        Answered as Answered,
        NotAsked as NotAsked,
        Outcome as Outcome,
        Pending as Pending,
        Unanswered as Unanswered,
    )
    from llmops_sdk.values.boards import all_boards as all_boards
    from llmops_sdk.values.costs import Amount as Amount, CandidateCost as CandidateCost
    from llmops_sdk.values.data import (
        DatasetSplits as DatasetSplits,
        NearDuplicate as NearDuplicate,
        NearDuplicates as NearDuplicates,
        Record as Record,
        Split as Split,
    )
    from llmops_sdk.values.forms import (
        AnswerAgreement as AnswerAgreement,
        FirstDifference as FirstDifference,
        FormResult as FormResult,
        FormsResult as FormsResult,
        PlannedForms as PlannedForms,
        Suspect as Suspect,
    )
    from llmops_sdk.values.functions import FileContent as FileContent, Function as Function
    from llmops_sdk.values.generation_options import (
        GenerationOptions as GenerationOptions,
        VariedOptions as VariedOptions,
    )
    from llmops_sdk.values.generations import Generation as Generation
    from llmops_sdk.values.imports import (
        ImportedResults as ImportedResults,
        ImportedRow as ImportedRow,
        text_fingerprint as text_fingerprint,
    )
    from llmops_sdk.values.load import (
        Load as Load,
        LoadLevel as LoadLevel,
        ModelLoad as ModelLoad,
        PlannedLoad as PlannedLoad,
    )
    from llmops_sdk.values.models import (
        BaseModel as BaseModel,
        ServableModel as ServableModel,
        TrainedModel as TrainedModel,
        TrainingPoint as TrainingPoint,
    )
    from llmops_sdk.values.names import name_of_file as name_of_file, name_of_model as name_of_model
    from llmops_sdk.values.plan import (
        Cell as Cell,
        CompareStep as CompareStep,
        Component as Component,
        GenerateStep as GenerateStep,
        LookStep as LookStep,
        Plan as Plan,
        PlannedModel as PlannedModel,
        PlannedRetention as PlannedRetention,
        PluginPin as PluginPin,
        PrepareStep as PrepareStep,
        ScoreStep as ScoreStep,
        Step as Step,
        TrainStep as TrainStep,
    )
    from llmops_sdk.values.planned_prompt import PlannedPrompt as PlannedPrompt
    from llmops_sdk.values.prices import (
        Asks as Asks,
        Billing as Billing,
        Budget as Budget,
        Costs as Costs,
        ModelPrices as ModelPrices,
        Price as Price,
        Traffic as Traffic,
    )
    from llmops_sdk.values.probes import Probe as Probe, ProbeSample as ProbeSample
    from llmops_sdk.values.prompts import (
        ChatPrompt as ChatPrompt,
        ChatTemplate as ChatTemplate,
        FunctionTemplate as FunctionTemplate,
        Prompt as Prompt,
        PromptTemplate as PromptTemplate,
        TextPrompt as TextPrompt,
        TextTemplate as TextTemplate,
    )
    from llmops_sdk.values.resources import (
        Endpoint as Endpoint,
        Resource as Resource,
        TaggedResource as TaggedResource,
        serving_details as serving_details,
    )
    from llmops_sdk.values.results import (
        CellResult as CellResult,
        FailedCell as FailedCell,
        Leaderboard as Leaderboard,
        Results as Results,
    )
    from llmops_sdk.values.retrieval import (
        RETRIEVED_FIELD as RETRIEVED_FIELD,
        Example as Example,
        Passage as Passage,
        Retrieval as Retrieval,
        Retrieved as Retrieved,
    )
    from llmops_sdk.values.samples import Sample as Sample
    from llmops_sdk.values.scores import (
        Metric as Metric,
        RecordScore as RecordScore,
        Scored as Scored,
        Unscored as Unscored,
    )
    from llmops_sdk.values.secrets import Secret as Secret
    from llmops_sdk.values.serial import (
        canonical as canonical,
        digest as digest,
        file_sha256 as file_sha256,
        from_json as from_json,
        to_json as to_json,
    )
    from llmops_sdk.values.step_records import (
        Failed as Failed,
        Started as Started,
        StepRecord as StepRecord,
        Succeeded as Succeeded,
    )
    from llmops_sdk.values.summaries import (
        ScoredRecord as ScoredRecord,
        Summary as Summary,
        SummaryTable as SummaryTable,
        SummaryValue as SummaryValue,
    )

_HOMES = {
    "assets.asset": ("Asset", "find_asset"),
    "assets.environments": ("EnvironmentSource", "environment_python"),
    "assets.sources": ("AssetSource", "FolderSource", "WheelSource"),
    "data.columns": ("is_column", "value_at"),
    "data.files.columnar": ("class_name",),
    "data.files.encodings": ("is_encoding",),
    "data.files.formats": ("name_binary", "name_other_format", "read_head"),
    "data.files.json_stream": ("JsonStream", "open_json"),
    "data.files.jsonl": ("read_jsonl",),
    "data.files.table": ("NamedRow", "Table", "open_table"),
    "data.mapping": ("RowMapping",),
    "data.rendering": ("render",),
    "data.scalars": ("id_text", "number_of"),
    "data.splits": ("write_splits",),
    "deprecations": ("LLMOpsDeprecationWarning",),
    "errors": (
        "AssetError",
        "DataError",
        "EndpointError",
        "LLMOpsError",
        "MissingExtraError",
        "PluginError",
        "RecordError",
        "RequestError",
        "ResourceBusyError",
        "RunNotFoundError",
        "SpecError",
        "StepFailedError",
        "StoreError",
        "UserError",
        "did_you_mean",
    ),
    "plugin.api": ("API_VERSION",),
    "plugin.cards": (
        "Card",
        "DatasetCard",
        "DeployerCard",
        "EvaluatorCard",
        "ExecutorCard",
        "ImporterCard",
        "ModelCard",
        "OrphanFinderCard",
        "PromptCard",
        "ReporterCard",
        "RetrieverCard",
        "StoreCard",
        "TrainerCard",
    ),
    "plugin.checks": ("Check", "Finding"),
    "plugin.context": ("Context",),
    "plugin.hookspecs": ("hookimpl",),
    "plugin.installed": ("InstalledPlugin", "install_hint"),
    "plugin.interfaces": (
        "DatasetSource",
        "Deployer",
        "Evaluator",
        "Importer",
        "ModelServer",
        "OrphanFinder",
        "PromptSource",
        "RecordTransport",
        "Reporter",
        "Trainer",
        "Transport",
    ),
    "plugin.metering": ("Metering",),
    "plugin.options": (
        "DeployerOptions",
        "EvaluatorOptions",
        "ExecutorOptions",
        "ModelOptions",
        "Options",
        "TrainerOptions",
        "extra_fields",
        "option",
    ),
    "plugin.registry": ("Offer", "Registry"),
    "plugin.stores": ("open_store",),
    "progress": ("Progress", "Task", "replay"),
    "record.artifacts": ("Artifact", "artifact_addresses", "copy_artifact", "read_artifact"),
    "record.layout": ("PlanAddress", "plan_uri", "split_plan_uri"),
    "record.ledger": ("LedgerEntry",),
    "record.local_store": ("LocalStore",),
    "record.marks": ("FileMark",),
    "record.metadata": ("RunMetadata",),
    "record.plans": ("read_plan", "write_plan"),
    "record.run": ("Run",),
    "record.stores": ("Journal", "Store", "StoredFile"),
    "report.collect": ("report_run",),
    "report.tables.arrow": ("arrow_schema",),
    "report.tables.candidates": ("CandidateRow", "read_candidates"),
    "report.tables.rows": ("AnswerScore", "Row", "ScoredAnswer", "read_answers", "read_rows", "row_columns"),
    "steps.client.client": ("Question", "ask"),
    "steps.client.endings": ("read_ending",),
    "steps.client.http.keys": ("bearer_headers",),
    "steps.client.http.addresses": ("is_loopback",),
    "steps.client.http.transport": ("HttpTransport",),
    "steps.client.payloads": ("make_payload", "make_scoring_payload"),
    "steps.executor": ("Executor",),
    "steps.retrieval.retriever": ("Hit", "Retriever"),
    "steps.runtime": ("Runtime", "default_home"),
    "steps.step": ("run_step",),
    "steps.worker": ("Child",),
    "values.answers": ("Answer", "Answered", "NotAsked", "Outcome", "Pending", "Unanswered"),
    "values.costs": ("Amount", "CandidateCost"),
    "values.boards": ("all_boards",),
    "values.data": ("DatasetSplits", "NearDuplicate", "NearDuplicates", "Record", "Split"),
    "values.forms": ("AnswerAgreement", "FirstDifference", "FormResult", "FormsResult", "PlannedForms", "Suspect"),
    "values.functions": ("FileContent", "Function"),
    "values.generation_options": ("GenerationOptions", "VariedOptions"),
    "values.generations": ("Generation",),
    "values.imports": ("ImportedResults", "ImportedRow", "text_fingerprint"),
    "values.load": ("Load", "LoadLevel", "ModelLoad", "PlannedLoad"),
    "values.models": ("BaseModel", "ServableModel", "TrainedModel", "TrainingPoint"),
    "values.names": ("name_of_file", "name_of_model"),
    "values.plan": (
        "Cell",
        "CompareStep",
        "Component",
        "GenerateStep",
        "LookStep",
        "Plan",
        "PlannedModel",
        "PlannedRetention",
        "PluginPin",
        "PrepareStep",
        "ScoreStep",
        "Step",
        "TrainStep",
    ),
    "values.planned_prompt": ("PlannedPrompt",),
    "values.prices": ("Asks", "Billing", "Budget", "Costs", "ModelPrices", "Price", "Traffic"),
    "values.probes": ("Probe", "ProbeSample"),
    "values.prompts": (
        "ChatPrompt",
        "ChatTemplate",
        "FunctionTemplate",
        "Prompt",
        "PromptTemplate",
        "TextPrompt",
        "TextTemplate",
    ),
    "values.resources": ("Endpoint", "Resource", "TaggedResource", "serving_details"),
    "values.retrieval": ("RETRIEVED_FIELD", "Example", "Passage", "Retrieval", "Retrieved"),
    "values.results": ("CellResult", "FailedCell", "Leaderboard", "Results"),
    "values.samples": ("Sample",),
    "values.scores": ("Metric", "RecordScore", "Scored", "Unscored"),
    "values.secrets": ("Secret",),
    "values.serial": ("canonical", "digest", "file_sha256", "from_json", "to_json"),
    "values.step_records": ("Failed", "Started", "StepRecord", "Succeeded"),
    "values.summaries": ("ScoredRecord", "Summary", "SummaryTable", "SummaryValue"),
    "steps.client.answers": ("parse_answer", "parse_log_probability"),
    "steps.client.refusals": ("error_message", "is_transient", "refused_parameter"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_DEPRECATED: dict[str, Deprecation] = {}  # each is imported above too, for type checkers: `New as Old`

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - the test of the faces compares it with the names above


# Not for type checkers: with it, they would take every misspelled name for one of the module.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load a public name's module at its first use (PEP 562): importing the package loads none of them."""
        current = current_name(__name__, name, _DEPRECATED)
        if current not in _HOME_OF:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = getattr(import_module(f"llmops_sdk.{_HOME_OF[current]}"), current)
        globals()[current] = value
        return value


def __dir__() -> list[str]:
    return __all__
