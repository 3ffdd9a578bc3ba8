"""The front door: `Pipeline`, the frozen builder, and `Result`, what a run gives back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.collecting import Choice, find_leftovers, remove
from llmops_sdk.errors import SpecError, did_you_mean
from llmops_sdk.guards import guards, inputs, refuse
from llmops_sdk.interfaces import Executor
from llmops_sdk.opening import open_store
from llmops_sdk.planning import make_plan
from llmops_sdk.plans import Plan
from llmops_sdk.progress import Progress, progress_for
from llmops_sdk.registry import Registry
from llmops_sdk.reporting import report_run
from llmops_sdk.results import FailedCell, Leaderboard, Results, Verdict
from llmops_sdk.running import Runtime
from llmops_sdk.running.runtime import default_home
from llmops_sdk.runs import Run
from llmops_sdk.serial import explain, from_json, to_json
from llmops_sdk.specs import ComponentSpec, ModelSpec, Override, Spec, read_spec, spec_to
from llmops_sdk.stores import Store
from llmops_sdk.values import GenerationOptions

DEFAULT_STORE = "llmops-runs"
LEFTOVER_PATIENCE = 600.0
"""Seconds in which what a killed step has left must become deletable: an endpoint that is being created is not."""


@attrs.frozen
class Pipeline:
    """A pipeline being specified. Frozen: every `with_*` returns a new one, so one can be forked at any point.

    What is not said has a default: Dolly summarization, the `alpaca` prompt, the model's own trainer and deployer,
    `summarization-accuracy`, and this machine. Data sets, prompts, models and evaluators may be given more than once;
    the run is their cross product.

    >>> base = Pipeline.builder("summaries").with_dataset("sample")
    >>> small = base.with_model("smollm2", fine_tune=False)
    >>> len(base.spec.models), len(small.spec.models)
    (0, 1)
    """

    spec: Spec = attrs.field(factory=Spec)

    @classmethod
    def builder(cls, name: str | None = None) -> Pipeline:
        """Begin a pipeline.

        Args:
            name: How its runs are called.
        """
        return cls(Spec(name=name or "pipeline"))

    @classmethod
    def from_yaml(cls, path: Path | str, *, overrides: tuple[str, ...] = ()) -> Pipeline:
        """Read a pipeline from a specification file; relative paths in it are relative to the file.

        Args:
            path: The file.
            overrides: `key.path=value` texts, as of `llmops run --set`.

        Raises:
            SpecError: The file cannot be read or does not fit; says where in it.
        """
        return cls(read_spec(Path(path), overrides))

    def to_yaml(self) -> str:
        """Return the specification as the text of a file; `from_yaml` of it gives an equal pipeline."""
        import yaml

        text: str = yaml.safe_dump(spec_to(self.spec), sort_keys=False, allow_unicode=True, width=100)
        return text

    # -- specify --------------------------------------------------------------------------------

    def with_dataset(self, use: str, *, name: str = "", **options: Any) -> Pipeline:
        """Add a data set.

        Args:
            use: The name of a data set card (`sample`, `dolly`, `jsonl`, ...); `llmops plugins` lists them.
            name: How this pipeline calls it, where it is used twice.
            **options: Of the card.
        """
        return self._with(datasets=(*self.spec.datasets, ComponentSpec(use, name, options)))

    def with_prompt(self, use: str, *, name: str = "", **options: Any) -> Pipeline:
        """Add a prompt template (`alpaca`, `plain`, `chat`, `template`)."""
        return self._with(prompts=(*self.spec.prompts, ComponentSpec(use, name, options)))

    def with_model(
        self,
        use: str,
        *,
        name: str = "",
        fine_tune: bool | None = None,
        train_on: str = "",
        trainer: str | Mapping[str, Any] | None = None,
        deployer: str | Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Pipeline:
        """Add a model recipe.

        Args:
            use: The name of a model card (`smollm2`, `huggingface`, ...).
            name: How this pipeline calls it, where it is used twice.
            fine_tune: False evaluates the base model as it is; by default it is fine-tuned where its card can be.
            train_on: The data set to fine-tune on; by default each one it is asked about.
            trainer: Options for its trainer, or the name of another one, or both with the key `use`.
            deployer: The same for its deployer.
            **options: Of the card.
        """
        model = ModelSpec(use, name, options, fine_tune, train_on, _override(trainer), _override(deployer))
        return self._with(models=(*self.spec.models, model))

    def with_trainer(self, use: str = "", **options: Any) -> Pipeline:
        """Override the trainer of every model; a model's own options win."""
        return self._with(trainer=Override(use, options))

    def with_deployer(self, use: str = "", **options: Any) -> Pipeline:
        """Override the deployer of every model; a model's own options win."""
        return self._with(deployer=Override(use, options))

    def with_evaluator(self, use: str, *, name: str = "", **options: Any) -> Pipeline:
        """Add an evaluator; the first metric of the first one decides unless `with_metric` says otherwise."""
        return self._with(evaluators=(*self.spec.evaluators, ComponentSpec(use, name, options)))

    def with_metric(self, name: str) -> Pipeline:
        """Say which metric decides."""
        return self._with(metric=name)

    def with_generation(self, **options: Any) -> Pipeline:
        """Say how candidates write their answers: `max_new_tokens`, `temperature`, `top_p`, `stop`, `seed`.

        One for all candidates, so that the comparison is fair.

        Raises:
            SpecError: An unknown or ill-typed option.
        """
        known = [field.name for field in attrs.fields(GenerationOptions)]
        for option in options:
            if option not in known:
                message = f"generation has no option {option!r}{did_you_mean(option, known)}"
                raise SpecError(message)
        if isinstance(options.get("stop"), str):
            message = f"generation option 'stop' is a list of texts: stop=[{options['stop']!r}]"
            raise SpecError(message)
        try:
            return self._with(generation=from_json({**to_json(self.spec.generation), **options}, GenerationOptions))
        except Exception as exc:
            message = f"generation: {explain(exc)}"
            raise SpecError(message) from exc

    def with_settings(self, plugin: str, **settings: Any) -> Pipeline:
        """Say where and as whom a plugin works: account, region, bucket, ..."""
        return self._with(settings={**self.spec.settings, plugin: settings})

    def with_executor(self, use: str, **options: Any) -> Pipeline:
        """Say where steps run."""
        return self._with(executor=ComponentSpec(use, "", options))

    def moved(self, on: str, registry: Registry) -> Pipeline:
        """Return the pipeline on another executor, which keeps the options of this one that mean the same there.

        Those are the options that both know, with the same default. An empty name changes nothing.
        """
        spec = self.spec.executor
        if on in ("", spec.use):
            return self
        theirs, ours = (attrs.fields_dict(registry.offer("executor", use).card.options) for use in (on, spec.use))
        same = {name for name in theirs.keys() & ours.keys() if theirs[name].default == ours[name].default}
        return self.with_executor(on, **{name: value for name, value in spec.options.items() if name in same})

    # -- check and run --------------------------------------------------------------------------

    def build(self, registry: Registry | None = None, *, offline: bool = False) -> Plan:
        """Check everything that can be known without reading data, and return the plan.

        Args:
            registry: The plugins; by default the installed ones.
            offline: Whether no service may be asked, for example whether it has the model.

        Raises:
            UserError: What cannot run, in one line that says how to mend it.
        """
        return make_plan(self.spec, registry or Registry.load(), offline=offline)

    def plan(self) -> Plan:
        """Return what would run, with every default filled in. The same as `build`."""
        return self.build()

    def run(
        self,
        *,
        on: str = "",
        store: Store | Path | str = DEFAULT_STORE,
        offline: bool = False,
        detach: bool = False,
        progress: Progress | None = None,
        registry: Registry | None = None,
    ) -> Result:
        """Run the pipeline. What an earlier run in the same store has made is not made again.

        Args:
            on: The executor; by default the specification's.
            store: Where runs are kept: a folder, or a `Store`.
            offline: Whether the network must not be touched.
            detach: Return as soon as the run is begun, where its executor runs steps elsewhere; `attach` goes on.
            progress: Who is told how far it is; by default the terminal.
            registry: The plugins; by default the installed ones.

        Returns:
            The result; cells that failed are in `result.failures`.

        Raises:
            UserError: The pipeline cannot run as it is.
            KeyboardInterrupt: Stopped; what is finished is kept, and the run can be resumed.
        """
        registry = registry or Registry.load()
        pipeline = self.moved(on, registry)
        plan = pipeline.build(registry, offline=offline)
        opened = store if isinstance(store, Store) else open_store(str(store), registry, plan.settings, offline=offline)
        with _runtime(registry, offline=offline, progress=progress) as runtime:
            executor = _executor(plan, registry)
            if detach:
                _check_elsewhere(executor, plan)
            refuse(inputs(plan, registry, runtime.home) if offline else guards(plan, registry), runtime.progress)
            run = executor.begin(plan, opened, runtime)
            run.put("specification.yaml", pipeline.to_yaml().encode())
            if detach:
                runtime.progress.say(f"run {run.id}\n{executor.detached(run)}")
                return Result(run)
            return _execute(run, executor, runtime)

    def _with(self, **changes: Any) -> Pipeline:
        return attrs.evolve(self, spec=attrs.evolve(self.spec, **changes))


def resume(
    run_id: str,
    *,
    store: Store | Path | str = DEFAULT_STORE,
    offline: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Result:
    """Go on with a run that was stopped, killed, or has failed steps; finished work is not repeated.

    Raises:
        RunNotFoundError: The store has no such run.
        PluginError: A plugin of its plan is absent here.
    """
    registry = registry or Registry.load()
    run = _open(run_id, store, registry, offline=offline)
    with _runtime(registry, offline=offline, progress=progress) as runtime:
        if not offline:
            refuse(guards(run.plan, registry), runtime.progress)
        executor = _executor(run.plan, registry)
        return _execute(executor.resume(run, runtime), executor, runtime)


def attach(
    run_id: str,
    *,
    store: Store | Path | str = DEFAULT_STORE,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Result:
    """Wait for the end of a run that was left to itself (`detach`), and return its result.

    Raises:
        RunNotFoundError: The store has no such run.
        SpecError: Its steps run in the program that began it.
        PluginError: A plugin of its plan is absent here.
    """
    registry = registry or Registry.load()
    run = _open(run_id, store, registry)
    with _runtime(registry, offline=False, progress=progress) as runtime:
        executor = _executor(run.plan, registry)
        _check_elsewhere(executor, run.plan)
        return _execute(run, executor, runtime)


def _open(run_id: str, store: Store | Path | str, registry: Registry, *, offline: bool = False) -> Run:
    run = Run.open(store if isinstance(store, Store) else open_store(str(store), registry, offline=offline), run_id)
    registry.check_pins(run.plan)
    return run


@contextmanager
def _runtime(registry: Registry, *, offline: bool, progress: Progress | None) -> Iterator[Runtime]:
    with progress or progress_for() as told:
        yield Runtime(registry, default_home(), offline=offline, progress=told)


def _executor(plan: Plan, registry: Registry) -> Executor:
    made: Executor = registry.make("executor", plan.executor.use, plan.executor.options)
    return made


def _check_elsewhere(executor: Executor, plan: Plan) -> None:
    if not executor.elsewhere:
        message = f"executor {plan.executor.use!r} runs the steps in the program that begins them, which cannot be left"
        raise SpecError(message)


def _execute(run: Run, executor: Executor, runtime: Runtime) -> Result:
    """Fetch what the plan needs here, run its steps where it says, and write the report."""
    runtime.progress.say(f"run {run.id}")
    if not executor.elsewhere:
        for asset in run.plan.assets:
            runtime.asset(asset)
    try:
        executor.execute(run, runtime)
    except KeyboardInterrupt as exc:
        _delete_leftovers(run, executor, runtime)
        raise KeyboardInterrupt(run.id, run.store.uri) from exc  # what to go on with
    _delete_leftovers(run, executor, runtime)
    report_run(run)
    return Result(run)


def _delete_leftovers(run: Run, executor: Executor, runtime: Runtime) -> None:
    """Delete what the ledger of a run still holds, whose steps were killed elsewhere; say what is left even then."""
    if not executor.elsewhere or all(entry.deleted is not None or entry.kept for entry in run.ledger()):
        return
    found = find_leftovers(run.store, runtime, Choice(run_id=run.id, force=True, spare_kept=True))
    for item in remove(found, runtime, patience=LEFTOVER_PATIENCE).found:
        what = f"{item.resource.kind} {item.resource.name!r}"
        if item.status == "removed":
            runtime.progress.say(f"  deleted  {what}")
        elif item.status == "left":
            runtime.progress.say(f"  left     {what}: {item.error}; try again with: llmops gc --run {run.id}")


class Result:
    """What a run concluded.

    Attributes:
        run: Its record.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def __repr__(self) -> str:
        return f"Result({self.run.id!r})"

    @property
    def results(self) -> Results:
        """All conclusions."""
        return self.run.results()

    @property
    def leaderboards(self) -> tuple[Leaderboard, ...]:
        """The candidates on each data set, best first."""
        return self.results.leaderboards

    @property
    def failures(self) -> tuple[FailedCell, ...]:
        """The cells without a result, with the step that failed and why."""
        return tuple(cell for board in self.leaderboards for cell in board.failed)

    def decision(self, dataset: str = "") -> Verdict:
        """Return who is best, who is tied with it, and in which words that may be said.

        Args:
            dataset: Which data set's; may be left out where there is one only.

        Raises:
            SpecError: There are several data sets, or none of that name.
        """
        boards = {board.dataset: board for board in self.leaderboards}
        if not dataset and len(boards) == 1:
            return next(iter(boards.values())).verdict
        if dataset not in boards:
            message = f"a decision is made for one data set; name one of: {', '.join(boards)}"
            raise SpecError(message)
        return boards[dataset].verdict

    def report(self, path: Path | str) -> Path:
        """Write the report, one HTML file that needs no network, and return its path."""
        return Path(report_run(self.run, Path(path)))


def _override(given: str | Mapping[str, Any] | None) -> Override:
    if given is None:
        return Override()
    if isinstance(given, str):
        return Override(given)
    options = dict(given)
    return Override(str(options.pop("use", "")), options)
