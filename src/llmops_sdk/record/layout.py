"""How the files of a store are named. This is the only module that spells a key.

plans/<hash>/plan.json                the plan, immutable
plans/<hash>/prepared/<step>.json     the record of a `prepare` step, for every run of the plan
plans/<hash>/<start>/                 what an executor uploads for the runs that it starts
runs/<run>/run.json                   which plan, when, by which version: `RunMetadata`
runs/<run>/specification.yaml         the specification as the user wrote it
runs/<run>/running.json               the process that works on the run, with its heartbeat: `Started`
runs/<run>/uses/<kind>.<key>          an artifact of another run that this one uses, while it is running; empty
runs/<run>/freed                      `llmops clean` is freeing the run; empty
runs/<run>/steps/<step>.started.json  host, process, heartbeat: `Started`
runs/<run>/steps/<step>.json          `Succeeded` or `Failed`
runs/<run>/steps/<step>.fresh         what earlier runs made for this step is deleted
runs/<run>/costs/expected.json        what it was expected to cost: `ExpectedCost`
runs/<run>/costs/budget.json          another budget than that of its plan
runs/<run>/costs/steps/<step>.json    what a step spent so far: `Spending`
runs/<run>/ledger/<resource>.json     what could outlive the run, written before it is created: `LedgerEntry`
runs/<run>/logs/<step>.log
runs/<run>/endpoints/<step>/          files of the endpoint that a step deployed
runs/<run>/samples/<cell>.jsonl       a `Sample` a line: every test record with its prompt, answer and scores
runs/<run>/results.json, report.html
artifacts/<kind>/<key>/artifact.json  the value of a finished artifact; the hash of all its inputs is its key
artifacts/<kind>/<key>/...            its files
locks/                                one empty file for each artifact being made
last-run.json                         the number of the newest run, and the newest run of each pipeline
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit, urlunsplit

import attrs

from llmops_sdk.values.resources import Resource

ARTIFACTS = "artifacts/"
"""The prefix of all artifacts."""

RUNS = "runs/"
"""The prefix of all runs."""

PLANS = "plans/"
"""The prefix of all plans."""

LAST_RUN = "last-run.json"
"""The key of the number of the newest run, and of the newest run of each pipeline."""

SPECIFICATION = "specification.yaml"
EXPECTED_COST, BUDGET = "costs/expected.json", "costs/budget.json"
REPORT = "report.html"
GENERATIONS = "generations.jsonl"
SCORES = "scores.jsonl"
SAMPLES = "samples.jsonl"

_RUN = "run.json"
_VALUE = "artifact.json"
_LOG = ".log"
_STARTED = ".started.json"


@attrs.frozen
class RunLayout:
    """The keys of one run's record.

    Attributes:
        run_id: The run.
    """

    run_id: str

    @property
    def prefix(self) -> str:
        """The prefix of all of them, without a slash at its end."""
        return f"{RUNS}{self.run_id}"

    @property
    def metadata(self) -> str:
        """The key of `run.json`: a run exists once it is written."""
        return self.file(_RUN)

    @property
    def results(self) -> str:
        """The key of `results.json`."""
        return self.file("results.json")

    @property
    def ledger(self) -> str:
        """The prefix of the ledger."""
        return f"{self.prefix}/ledger/"

    @property
    def freed(self) -> str:
        """The key of the mark of a run that `llmops clean` is freeing."""
        return self.file("freed")

    @property
    def steps(self) -> str:
        """The prefix of the records of steps, of those that ended and of those that started."""
        return f"{self.prefix}/steps/"

    @property
    def uses(self) -> str:
        """The prefix of the marks of artifacts that the run uses."""
        return f"{self.prefix}/uses/"

    @property
    def logs(self) -> str:
        """The prefix of the logs."""
        return f"{self.prefix}/logs/"

    def file(self, name: str) -> str:
        """Return the key of a file by its name in the run's folder (`report.html`)."""
        return f"{self.prefix}/{name}"

    def step(self, step: str) -> str:
        """Return the key of the record of a step that ended."""
        return f"{self.steps}{step}.json"

    def step_of(self, key: str) -> str:
        """Return the step whose record has this key, or an empty text for any other key."""
        name = key.removeprefix(self.steps)
        is_record = key.startswith(self.steps) and name.endswith(".json") and not name.endswith(_STARTED)
        return name.removesuffix(".json") if is_record else ""

    def started(self, step: str) -> str:
        """Return the key of the heartbeat of a step; of that of the run itself where the step is empty."""
        return f"{self.steps}{step}{_STARTED}" if step else self.file("running.json")

    def started_of(self, key: str) -> str:
        """Return the step whose heartbeat has this key, or an empty text for any other key."""
        is_started = key.startswith(self.steps) and key.endswith(_STARTED)
        return key.removeprefix(self.steps).removesuffix(_STARTED) if is_started else ""

    def use(self, address: str) -> str:
        """Return the key of the mark of an artifact that the run uses."""
        return f"{self.uses}{address.replace('/', '.', 1)}"

    def used(self, key: str) -> str:
        """Return the address of the artifact whose mark has this key, or an empty text for any other key."""
        return key.removeprefix(self.uses).replace(".", "/", 1) if key.startswith(self.uses) else ""

    def resource(self, kind: str, name: str) -> str:
        """Return the key of a resource in the ledger."""
        return f"{self.ledger}{kind}.{name}.json"

    def resource_of(self, key: str) -> Resource:
        """Return the resource of an entry of the ledger from its key."""
        kind, _, name = key.removeprefix(self.ledger).removesuffix(".json").partition(".")
        return Resource(kind, name)

    def log(self, name: str) -> str:
        """Return the key of a log: of a step, or of another name."""
        return f"{self.logs}{name}{_LOG}"

    def log_name(self, key: str) -> str:
        """Return the name of a log from its key."""
        return key.removeprefix(self.logs).removesuffix(_LOG)

    def endpoint(self, step: str) -> str:
        """Return the prefix of the files of the endpoint that a step deploys."""
        return f"{self.prefix}/endpoints/{step}"

    def samples(self, cell: str) -> str:
        """Return the key of the samples of a cell."""
        return self.file(samples_file(cell))


@attrs.frozen
class ArtifactLayout:
    """The keys of one artifact.

    Attributes:
        address: `kind/key`.
    """

    address: str

    @property
    def prefix(self) -> str:
        """The prefix of its files, without a slash at its end."""
        return f"{ARTIFACTS}{self.address}"

    @property
    def value(self) -> str:
        """The key of its value: an artifact is finished once it is written."""
        return self.file(_VALUE)

    @property
    def segments(self) -> str:
        """The prefix of the journal's segments, for an artifact that is made line by line."""
        return f"{self.prefix}/segments"

    @property
    def final(self) -> str:
        """The prefix of what is made of the journal."""
        return f"{self.prefix}/final"

    def file(self, name: str) -> str:
        """Return the key of a file by its name in the artifact's folder."""
        return f"{self.prefix}/{name}"


@attrs.frozen
class PlanAddress:
    """Where a plan is.

    Attributes:
        store_uri: The store.
        plan_hash: The plan.
    """

    store_uri: str
    plan_hash: str


@attrs.frozen
class RunAddress:
    """Where a run is.

    Attributes:
        store_uri: The store.
        run_id: The run's ID, a unique prefix of it, or `latest`.
    """

    store_uri: str
    run_id: str


def spending_file(step: str) -> str:
    """Return the name of the file of a run with what a step spent."""
    return f"costs/steps/{step}.json"


def samples_file(cell: str) -> str:
    """Return the name of the file with the samples of a cell, in the run's folder."""
    return f"samples/{cell}.jsonl"


def plan_key(plan_hash: str) -> str:
    """Return the key of a plan."""
    return f"plans/{plan_hash}/plan.json"


def prepared_key(plan_hash: str, step: str) -> str:
    """Return the key of the record of a `prepare` step that every run of a plan starts with."""
    return f"plans/{plan_hash}/prepared/{step}.json"


def prepared_keys(keys: Iterable[str]) -> Iterator[str]:
    """Yield those keys that records of `prepare` steps beside a plan have."""
    return (key for key in keys if re.fullmatch(rf"{PLANS}[^/]+/prepared/[^/]+\.json", key))


def lock_key(prefix: str) -> str:
    """Return the key of the lock of what is made below `prefix`."""
    return f"locks/{prefix.replace('/', '.')}.lock"


def run_id_of(key: str) -> str:
    """Return the run whose `run.json` has this key, or an empty text for any other key.

    >>> run_id_of("runs/a-1/run.json"), run_id_of("runs/a-1/results.json")
    ('a-1', '')
    """
    match = re.fullmatch(rf"{RUNS}([^/]+)/{re.escape(_RUN)}", key)
    return match[1] if match else ""


def address_of(key: str) -> str:
    """Return the address of the artifact whose value has this key, or an empty text for any other key.

    >>> address_of("artifacts/model/1f/artifact.json"), address_of("artifacts/model/1f/weights")
    ('model/1f', '')
    """
    match = re.fullmatch(rf"{ARTIFACTS}([^/]+/[^/]+)/{re.escape(_VALUE)}", key)
    return match[1] if match else ""


def owner_of(prefix: str, key: str, depth: int = 1) -> str:
    """Return which run, plan or artifact the file with a key belongs to: the first parts of the key below a prefix.

    >>> owner_of(RUNS, "runs/a-1/steps/compare.json"), owner_of(ARTIFACTS, "artifacts/model/1f/weights", 2)
    ('a-1', 'model/1f')

    Args:
        prefix: The prefix of all of them.
        key: The key.
        depth: The number of parts of a name.
    """
    return "/".join(key.removeprefix(prefix).split("/")[:depth])


def plan_uri(store_uri: str, plan_hash: str) -> str:
    """Return the URI of a plan, by which another machine finds it and its store.

    >>> plan_uri("s3://bucket/llmops?region=us-east-1", "1f")
    's3://bucket/llmops/plans/1f/plan.json?region=us-east-1'
    """
    parts = urlsplit(store_uri)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{plan_key(plan_hash)}"))


def split_plan_uri(uri: str) -> PlanAddress:
    """Return the store and the hash of a URI that `plan_uri` made.

    >>> split_plan_uri("s3://bucket/llmops/plans/1f/plan.json?region=us-east-1")
    PlanAddress(store_uri='s3://bucket/llmops?region=us-east-1', plan_hash='1f')

    Raises:
        ValueError: It is not the URI of a plan.
    """
    parts = urlsplit(uri)
    match = re.fullmatch(r"(.*)/plans/([^/]+)/plan\.json", parts.path)
    if match is None:
        message = f"not the URI of a plan: {uri!r}"
        raise ValueError(message)
    return PlanAddress(urlunsplit(parts._replace(path=match[1])), match[2])


def split_run_uri(uri: str) -> RunAddress:
    """Return the store and the run of a URI such as `s3://bucket/prefix/runs/RUN`; without a run, the latest one.

    >>> split_run_uri("s3://bucket/llmops/runs/a-1")
    RunAddress(store_uri='s3://bucket/llmops', run_id='a-1')
    """
    store_uri, _, run_id = uri.partition(f"/{RUNS}")
    return RunAddress(store_uri, run_id.strip("/") or "latest")
