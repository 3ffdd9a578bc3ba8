"""`Pipeline`, the frozen builder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.functions.modules import refuse_while_loading
from llmops_sdk.gate.specification import check_gate
from llmops_sdk.notebook import Shown
from llmops_sdk.pipeline.arguments import (
    Forms,
    Use,
    changed_generation,
    common_options,
    component,
    costs_from,
    merged,
    model_from,
    with_seeds,
)
from llmops_sdk.pipeline.execution import start_run
from llmops_sdk.pipeline.result import Result
from llmops_sdk.planning.planner import make_plan
from llmops_sdk.planning.specification.data import spec_to
from llmops_sdk.planning.specification.files import read_spec
from llmops_sdk.planning.specification.load import load_from
from llmops_sdk.planning.specification.spec import ComponentSpec, Override, RetentionSpec, Spec, StopEarly
from llmops_sdk.planning.specification.yaml_text import dump_yaml
from llmops_sdk.plugin.options import DeployerOptions, ExecutorOptions, ModelOptions, Options, TrainerOptions
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.progress import Progress
from llmops_sdk.record.stores import DEFAULT_STORE, Store
from llmops_sdk.values.plan import Plan


@attrs.frozen
class Pipeline(Shown):
    """The specification of a pipeline. It is frozen: every `with_*` returns a new one, so it can be forked at any point.

    Everything that is left out has a default: Dolly summarization, the model's own chat format (`alpaca` for a model
    without one), the model's own trainer and deployer, `summarization-accuracy`, and this machine. Datasets, prompts,
    models and evaluators may be added more than once; the run is their cross product, except that a model may name its
    prompts.

    >>> base = Pipeline.builder("summaries").with_dataset("sample")
    >>> small = base.with_model("smollm2", fine_tune=False)
    >>> len(base.spec.models), len(small.spec.models)
    (0, 1)
    """

    spec: Spec = attrs.field(factory=Spec)

    @classmethod
    def builder(cls, name: str | None = None) -> Pipeline:
        """Start a pipeline.

        Args:
            name: The name of the pipeline; the IDs of its runs start with it.
        """
        return cls(Spec(name=name or "pipeline"))

    @classmethod
    def from_yaml(cls, path: Path | str, *, overrides: tuple[str, ...] = ()) -> Pipeline:
        """Read a pipeline from a specification file; relative paths in it are relative to the file.

        Args:
            path: The file.
            overrides: `key.path=value` texts, as of `llmops run --set`.

        Raises:
            SpecError: The file cannot be read or is not valid; the message names the place.
        """
        return cls(read_spec(Path(path), overrides))

    def to_yaml(self) -> str:
        """Return the specification as the text of a file; `from_yaml` of it gives an equal pipeline."""
        return dump_yaml(spec_to(self.spec))

    # -- specify --------------------------------------------------------------------------------

    def with_dataset(self, use: Use, options: Options | None = None, /, *, name: str = "", **named: Any) -> Pipeline:
        """Add a dataset.

        Args:
            use: The name of a dataset card (`sample`, `dolly`, `jsonl`, ...); `llmops plugins` lists them. Or a function
                marked with `@dataset`, or its place: `./data.py:tickets`.
            options: The card's options as an object of its options class, which type checkers can check.
            name: The dataset's name in this pipeline; needed where a card is used twice.
            **named: The card's options by name; they override those of the object.
        """
        return self._with(datasets=(*self.spec.datasets, component(use, "dataset", name, options, named)))

    def with_prompt(self, use: Use, options: Options | None = None, /, *, name: str = "", **named: Any) -> Pipeline:
        """Add a prompt (a card, or a function marked with `@prompt`), if you like with `examples` or `retrieve`; arguments as of `with_dataset`."""
        return self._with(prompts=(*self.spec.prompts, component(use, "prompt", name, options, named)))

    def with_model(  # noqa: PLR0913 - the keys of a model in a specification
        self,
        use: Use,
        options: ModelOptions | None = None,
        /,
        *,
        name: str = "",
        fine_tune: bool | None = None,
        train_on: str = "",
        trainer: str | TrainerOptions | Mapping[str, Any] | None = None,
        deployer: str | DeployerOptions | Mapping[str, Any] | None = None,
        varies: Mapping[str, Any] | None = None,
        prompts: Sequence[str] | None = None,
        train_prompt: str = "",
        seeds: Sequence[int] | None = None,
        serve_as: Forms | None = None,
        **named: Any,
    ) -> Pipeline:
        """Add a model recipe.

        Args:
            use: The name of a model card (`smollm2`, `huggingface`, ...), or a provider and its model (`openai/gpt-4o-mini`).
                Or a function marked with `@target`, or its place: `./api.py:ask`.
            options: The card's options as an object of its options class.
            name: The model's name in this pipeline; needed where a card is used twice.
            fine_tune: True fine-tunes the model, False evaluates it as it is; by default it is fine-tuned if a trainer is
                asked for (here or by `with_trainer`), or if its card is a preset that fine-tunes: `smollm2`, `llama-2-7b`.
            train_on: The dataset to fine-tune on; by default each dataset it is evaluated on.
            trainer: Options for its trainer (an options object or a mapping), or the name of another trainer, or a
                mapping with both, where the key `use` holds the name.
            deployer: The same for its deployer.
            varies: Exceptions from the generation options, which are the same for all candidates otherwise: the name of an
                option to its value for this model, or to None, which leaves it out of the requests
                (`{"temperature": None}`); `max_tokens_field` to the name of the field with the longest answer
                (`max_completion_tokens`). Plan and report show them.
            prompts: The names of the prompts that it is asked with; by default all of the pipeline. Where the pipeline has
                none, they are names of prompt cards, and the default is `chat` for a model with a chat template of its own
                and `alpaca` for others.
            train_prompt: The one of them that it is fine-tuned with; by default it is fine-tuned once with each.
            seeds: Two or more seeds to fine-tune it with, in place of the trainer's `seed`. The verdict then is about the
                recipe, not about one checkpoint of it.
            serve_as: Two or more forms to serve it in (`local`, `gguf-q8`): did export or serving change it?
            **named: The card's options by name; they override those of the object.
        """
        model = model_from(
            use, merged(options, named), name=name, fine_tune=fine_tune, train_on=train_on, trainer=trainer,
            deployer=deployer, varies=varies, prompts=prompts, train_prompt=train_prompt, seeds=seeds, serve_as=serve_as,
        )  # fmt: skip
        return self._with(models=(*self.spec.models, model))

    def with_trainer(
        self,
        use: str = "",
        options: TrainerOptions | None = None,
        /,
        *,
        seeds: Sequence[int] | None = None,
        **named: Any,
    ) -> Pipeline:
        """Override the trainer of every model; a model's own options take precedence.

        Args:
            use: The name of a trainer card; empty keeps each model's own trainer.
            options: The trainer's options as an object of its options class.
            seeds: Two or more seeds to fine-tune every model with, as in `with_model`.
            **named: The trainer's options by name; they override those of the object.
        """
        override = Override(use, merged(options, named))
        return self._with(trainer=with_seeds(override, seeds, of_object=options is not None))

    def with_deployer(self, use: str = "", options: DeployerOptions | None = None, /, **named: Any) -> Pipeline:
        """Override the deployer of every model, as `with_trainer` does the trainer."""
        return self._with(deployer=Override(use, merged(options, named)))

    def with_evaluator(self, use: Use, options: Options | None = None, /, *, name: str = "", **named: Any) -> Pipeline:
        """Add an evaluator, or a function marked with `@metric`; the arguments are those of `with_dataset`.

        The first metric of the first evaluator decides unless `with_decision` names another one.
        """
        return self._with(evaluators=(*self.spec.evaluators, component(use, "metric", name, options, named)))

    def with_decision(
        self,
        metric: str = "",
        *,
        baseline: str = "",
        margin: float | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> Pipeline:
        """Name what decides, before the run.

        Args:
            metric: The metric; by default the first one of the first evaluator.
            baseline: A candidate, or a model with one prompt, that the others must not be worse than.
            margin: The difference from the baseline that does not matter, above 0, in the metric's unit.
            weights: The name of each dataset to how much it counts, for a verdict over all datasets besides one for each.
        """
        return self._with(decide_by=metric, baseline=baseline, margin=margin, weights=dict(weights or {}))

    def with_gate(self, *, candidate: str = "", varies: Sequence[str] = (), **conditions: Any) -> Pipeline:
        """State what must hold for a candidate to be shipped; `llmops gate` answers it for a finished run.

        Args:
            candidate: The candidate that is judged; by default the only one, or the best by the verdict.
            varies: What may differ from a baseline file: some of `data`, `prompt`, `generation`, `evaluators`.
            **conditions: A metric, or a subject of the gate's own such as `latency_p95`, to its conditions: `rougeL={"at_least": 0.3}`.
        """
        own = {**({"candidate": candidate} if candidate else {}), **({"varies": tuple(varies)} if varies else {})}
        return self._with(gate={**own, **conditions})

    def with_early_stopping(self, looks: int = 3) -> Pipeline:
        """Compare the candidates at planned looks, and ask those that are worse no more.

        Args:
            looks: The number of looks, 2 to 5, the one at all records included.
        """
        return self._with(stop_early=StopEarly(looks))

    def with_retention(
        self,
        use: Use = "general",
        options: Options | None = None,
        /,
        *,
        decide_by: str = "",
        margin: float | None = None,
        name: str = "",
        **named: Any,
    ) -> Pipeline:
        """Ask every tuned candidate and its base about a second dataset too, to see what fine-tuning broke.

        Args:
            use: The dataset, as in `with_dataset`; by default 100 bundled general instructions.
            options: Its options as an object of its options class.
            decide_by: The metric that decides there; by default the one that decides on the other datasets.
            margin: The loss that does not matter, above 0, in the metric's unit; by default 5 % of its range.
            name: The dataset's name in this pipeline.
            **named: Its options by name; they override those of the object.
        """
        dataset = component(use, "dataset", name, options, named)
        return self._with(retention=RetentionSpec(dataset, decide_by, margin))

    def with_noise_floor(self) -> Pipeline:
        """Ask a base model twice, and show how much it differs from itself: the size of a difference that means nothing.

        It is the baseline of `with_decision`, or the first model that is not fine-tuned. It is one candidate all the same.
        """
        return self._with(noise_floor=True)

    def with_costs(
        self,
        prices: Path | str = "",
        *,
        requests_per_day: float = 0,
        hours: float = 24,
        budget_usd: float | None = None,
    ) -> Pipeline:
        """State prices, the traffic to expect, and the most that a run may cost, in US dollars.

        Args:
            prices: A file with prices of your own, for all that the table of the package lacks.
            requests_per_day: What the candidates will be asked; report and verdict then state what a month costs.
            hours: The hours of a day that a machine billed by the hour is up for it.
            budget_usd: The budget: above it no run starts, and at it nothing new is started.
        """
        return self._with(**costs_from(prices, requests_per_day, hours, budget_usd))

    def with_load(self, *concurrency: int, requests: int | None = None) -> Pipeline:
        """Measure the endpoint of each model with each number of requests in flight; by default 100 requests or more with each."""
        return self._with(load=load_from({"concurrency": concurrency, "requests": requests}, "load"))

    def with_reporter(self, use: str, options: Options | None = None, /, *, name: str = "", **named: Any) -> Pipeline:
        """Add a reporter, called after every run; the arguments are those of `with_dataset`.

        A pipeline that names no reporter has `html`, which writes `report.html` into the run's record.
        """
        return self._with(reporters=(*self.spec.reporters, ComponentSpec(use, name, merged(options, named))))

    def with_generation(
        self,
        *,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: Sequence[str] | None = None,
        seed: int | None = None,
        response_format: Mapping[str, Any] | None = None,
        repeats: int | None = None,
    ) -> Pipeline:
        """Set how candidates write their answers; the same for all candidates, which keeps the comparison fair.

        What is left out stays as it is.

        Args:
            max_new_tokens: The longest answer, in tokens of the model.
            temperature: 0 is greedy decoding.
            top_p: Nucleus sampling; 1 keeps all tokens.
            stop: Further stop strings, after those of the prompt template.
            seed: For sampling.
            response_format: The form of the answer, as a JSON schema; it is passed on to the server, which may ignore it.
            repeats: How often each record is asked; the answers to one record count as one.

        Raises:
            SpecError: A value has the wrong type or is out of range.
        """
        changes = {
            "max_new_tokens": max_new_tokens, "temperature": temperature, "top_p": top_p, "stop": stop, "seed": seed,
            "response_format": response_format, "repeats": repeats,
        }  # fmt: skip
        return self._with(generation=changed_generation(self.spec.generation, changes))

    def with_settings(self, plugin: str, **settings: Any) -> Pipeline:
        """Set where and as whom a plugin works: account, region, bucket, ..."""
        return self._with(settings={**self.spec.settings, plugin: settings})

    def with_executor(self, use: str, options: ExecutorOptions | None = None, /, **named: Any) -> Pipeline:
        """Choose where steps run (`local`, `sagemaker`, ...).

        Args:
            use: The name of an executor card.
            options: The executor's options as an object of its options class.
            **named: The executor's options by name; they override those of the object.
        """
        return self._with(executor=ComponentSpec(use, "", merged(options, named)))

    def on_executor(self, on: str, registry: Registry) -> Pipeline:
        """Return the pipeline on another executor.

        Options that both executors have with the same default are kept, the others dropped.

        Args:
            on: The name of an executor card; empty keeps the executor.
            registry: The plugins.
        """
        if on in ("", self.spec.executor.use):
            return self
        return self.with_executor(on, **common_options(self.spec.executor, on, registry))

    # -- check and run --------------------------------------------------------------------------

    def build(self, registry: Registry | None = None, *, offline: bool = False) -> Plan:
        """Check everything that can be checked without reading data, and return the plan: what would run, with all defaults.

        Args:
            registry: The plugins; by default the installed ones.
            offline: Make no network requests; by default a service may be asked, for example whether it has a model.

        Raises:
            UserError: The pipeline cannot run; the message has the reason and how to fix it.
        """
        refuse_while_loading("builds a pipeline")
        registry = registry or Registry.load()
        plan = make_plan(self.spec, registry, offline=offline)
        if self.spec.gate:
            check_gate(self.spec.gate, plan, registry, self.spec.folder)
        return plan

    def plan(self, registry: Registry | None = None, *, offline: bool = False) -> Plan:
        """Return what would run, with every default filled in: the plan that `build` returns, with its arguments and errors."""
        return self.build(registry, offline=offline)

    def run(
        self,
        *,
        on: str = "",
        store: Store | Path | str = DEFAULT_STORE,
        offline: bool = False,
        detach: bool = False,
        fresh: Sequence[str] = (),
        progress: Progress | None = None,
        registry: Registry | None = None,
    ) -> Result:
        """Run the pipeline. Work that an earlier run in the same store has completed is reused.

        Args:
            on: The executor; by default the specification's.
            store: Where runs are stored: a folder, a URI such as `s3://bucket/prefix`, or a `Store`.
            offline: Make no network requests.
            detach: Return once a remote run has started; reconnect with `attach`.
            fresh: Steps that are done again, whatever earlier runs made: their names (`score.base`) or kinds (`score`), or `load`.
            progress: Where progress is shown; by default on the terminal.
            registry: The plugins; by default the installed ones.

        Returns:
            The result; candidates that failed are in `result.failures`.

        Raises:
            UserError: The pipeline cannot run as it is.
            StepFailedError: No candidate could be evaluated; the message has the reasons, its `run` the record.
            RunInterrupted: Stopped with Ctrl-C, SIGTERM or SIGHUP; completed work is saved, and the run can be resumed.
        """
        registry = registry or Registry.load()
        pipeline = self.on_executor(on, registry)
        plan = pipeline.build(registry, offline=offline).with_fresh(fresh)
        return start_run(
            plan, pipeline.to_yaml(), store=store, offline=offline, detach=detach, progress=progress, registry=registry
        )

    def _with(self, **changes: Any) -> Pipeline:
        return attrs.evolve(self, spec=attrs.evolve(self.spec, **changes))
