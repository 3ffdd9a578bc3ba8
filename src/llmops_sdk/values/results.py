"""The conclusions of a run: the values of `results.json`, read by the report, the CLI and `Result`."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from llmops_sdk.notebook import Shown
from llmops_sdk.values.costs import CandidateCost
from llmops_sdk.values.estimates import Difference, Estimate, MarginResult, PairTest
from llmops_sdk.values.forms import FormsResult
from llmops_sdk.values.grades import Grading
from llmops_sdk.values.load import ModelLoad
from llmops_sdk.values.models import TrainedModel
from llmops_sdk.values.names import with_seed
from llmops_sdk.values.scores import Metric
from llmops_sdk.values.summaries import Summary

RESULTS_SCHEMA = 2

VARIES = "varies"
"""The detail of an endpoint with the exceptions that its model declares."""


@attrs.frozen
class Speed:
    """How fast a candidate answered, at the concurrency that the run used.

    Attributes:
        concurrency: Requests in flight at a time.
        latency_p50: Seconds from request to reply, median over records.
        latency_p95: Seconds, 95th percentile.
        output_tokens_per_second: All output tokens by the wall time of the step's asking; None if the endpoint does not count them.
        time_to_first_token_p50: Seconds from request to first token, median over records; None if no answer was streamed.
    """

    concurrency: int
    latency_p50: float
    latency_p95: float
    output_tokens_per_second: float | None
    time_to_first_token_p50: float | None = None


@attrs.frozen
class CellResult:
    """One candidate on one dataset.

    Attributes:
        cell: The cell's name; its samples are `samples/<cell>.jsonl`. A recipe has those of its checkpoints instead.
        candidate: The candidate's name.
        model: The model's name in the specification.
        prompt: The prompt's name in the specification.
        fine_tuned: Whether the model was fine-tuned by this run (or an earlier one with the same key).
        records: Test records that it was asked.
        answered: Records the endpoint answered.
        estimates: Metric name to estimate; a metric that no record has is left out.
        unscored: Evaluator name to the number of answered records it cannot score.
        speed: Its speed, or None if nothing was answered.
        training: The result of its training, or None for a base model.
        endpoint: Details of the endpoint that answered (device, dtype).
        pending: Records whose question failed for now; resuming the run asks them again.
        missing: Records that recorded answers lack: their scores are missing, and no failures of the candidate.
        pending_scores: Evaluator name to the number of answered records whose score failed for now.
        empty: Answers without a text.
        cut: Answers that were cut off at `max_new_tokens`.
        cut_reasoning: Records without an answer because the model was still reasoning at `max_new_tokens`.
        malformed: Answers that are not JSON of the form that `response_format` asks for.
        models: The name of the model, as the endpoint reports it, to the number of its answers.
        undefined: Metric name to the number of scored records that it has no value of.
        failures: Metric name to the number of records that count as its worst score: no answer, or one that it cannot use.
        reasons: Evaluator name to the most frequent reason of those it cannot score, or can score only in part.
        repeats: How often each record was asked. Where it was more than once, all counts but that of the records, and of
            the records of estimates, are of answers.
        seed: The seed of its training, for a checkpoint of a recipe.
        checkpoints: Of a recipe that was trained with several seeds, each checkpoint with a result. All counts but that
            of the records are then sums over them, and all other numbers means.
        spread: Of a recipe, metric name to the standard deviation of the checkpoints' means.
        look: The planned look at which it was asked last; 0 in a run without looks.
        not_asked: Test records that it was not asked, because it stopped at that look.
        summaries: Evaluator name to what it says of all records together; it describes, and never decides.
        cost: What it cost, and what its use will cost; None in results of earlier versions.
    """

    cell: str
    candidate: str
    model: str
    prompt: str
    fine_tuned: bool
    records: int
    answered: int
    estimates: Mapping[str, Estimate]
    unscored: Mapping[str, int]
    speed: Speed | None
    training: TrainedModel | None
    endpoint: Mapping[str, str]
    pending: int = 0
    missing: int = 0
    pending_scores: Mapping[str, int] = attrs.field(factory=dict)
    empty: int = 0
    cut: int = 0
    cut_reasoning: int = 0
    malformed: int = 0
    models: Mapping[str, int] = attrs.field(factory=dict)
    undefined: Mapping[str, int] = attrs.field(factory=dict)
    failures: Mapping[str, int] = attrs.field(factory=dict)
    reasons: Mapping[str, str] = attrs.field(factory=dict)
    repeats: int = 1
    seed: int | None = None
    checkpoints: tuple[CellResult, ...] = ()
    spread: Mapping[str, float] = attrs.field(factory=dict)
    look: int = 0
    not_asked: int = 0
    summaries: Mapping[str, Summary] = attrs.field(factory=dict)
    cost: CandidateCost | None = None

    @property
    def questions(self) -> int:
        """The number of questions that it was asked: each record, as often as it is repeated, by each checkpoint."""
        return self.records * self.repeats * len(self.parts)

    @property
    def label(self) -> str:
        """What messages call it."""
        return with_seed(self.candidate, self.seed)

    @property
    def parts(self) -> tuple[CellResult, ...]:
        """The cells that it consists of: its checkpoints, or itself."""
        return self.checkpoints or (self,)

    def means(self, metric: str) -> tuple[float, ...]:
        """Return the mean of each checkpoint of a recipe."""
        return tuple(part.estimates[metric].mean for part in self.checkpoints if metric in part.estimates)


@attrs.frozen
class LookResult:
    """A planned look at the candidates of one dataset.

    Attributes:
        number: Its number, from 1.
        records: Test records that were asked by then.
        level: The level of its tests; all looks together have 5 %.
        worse: The candidates that were worse and stopped.
        decided: Whether no other candidate was left by then: later looks did not take place.
    """

    number: int
    records: int
    level: float
    worse: tuple[str, ...] = ()
    decided: bool = False


@attrs.frozen
class FailedCell:
    """A cell without a result, and the step that failed first on the way to it; of a recipe, that of one of its seeds."""

    cell: str
    candidate: str
    step: str
    error: str
    seed: int | None = None

    @property
    def label(self) -> str:
        """What messages call it."""
        return with_seed(self.candidate, self.seed)


@attrs.frozen
class NoiseFloor:
    """A candidate that was asked twice, compared with itself: how large a difference is that means nothing.

    Attributes:
        difference: The second time minus the first, in the metric that decides; None if no record has a score both times.
        text: The same in a sentence.
    """

    difference: Difference | None
    text: str


@attrs.frozen
class Verdict(Shown):
    """What can be concluded about the candidates on one dataset, in words that claim no more than the evidence.

    Attributes:
        best: The candidate with the best mean, or empty if nothing was scored.
        settled: Whether every other candidate is worse.
        tied: The candidates that cannot be told apart from the best.
        worse: The candidates that are worse than the best.
        text: A few sentences: the headline, what it rests on, and the caveats.
        caveats: What must be known beside it: many empty answers, answers cut off, records without a number.
        notes: What else the numbers mean: which difference these records show, how many a tie would need, what is
            compared.
        best_interval: The best one's mean with an interval that takes its choice into account, or None.
        detectable: The smallest true difference that these records show in 80 % of runs, in the metric's unit, or None.
        needed_records: How many records the smallest tie would need at the difference that was seen, or None.
        headline: The first sentence of the text: the best, and the others.
        margins: Every other candidate against the baseline; empty without one.
    """

    best: str
    settled: bool
    tied: tuple[str, ...]
    text: str
    caveats: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    best_interval: Estimate | None = None
    detectable: float | None = None
    needed_records: int | None = None
    headline: str = ""
    margins: tuple[MarginResult, ...] = ()

    def with_caveat(self, sentence: str) -> Verdict:
        """Return the verdict with a further caveat at the end of its text."""
        return attrs.evolve(self, text=f"{self.text} {sentence}", caveats=(*self.caveats, sentence))


@attrs.frozen
class Leaderboard:
    """The candidates on one dataset, best first.

    Attributes:
        dataset: Its name in the specification.
        metric: The name of the metric that decides.
        cells: Best mean first.
        failed: Cells without a result.
        differences: Of every other candidate to the best, for every metric.
        verdict: The conclusion.
        pairs: Every pair of candidates that share a record, in the metric that decides, in the order of the cells.
        left_out: Metric name to the number of records that are left out for all candidates: the metric has no value for
            one of them.
        noise_floor: A candidate that was asked twice against itself, or None; it takes no part in the verdict.
        looks: The planned looks; empty in a run without them.
        grading: What people's grades show of the judge, or None without grades. Where the judge decides, the verdict and the
            pairs rest on the corrected means.
        forms: What is shown of models that are served in several forms.
    """

    dataset: str
    metric: str
    cells: tuple[CellResult, ...]
    failed: tuple[FailedCell, ...]
    differences: tuple[Difference, ...]
    verdict: Verdict
    pairs: tuple[PairTest, ...] = ()
    left_out: Mapping[str, int] = attrs.field(factory=dict)
    noise_floor: NoiseFloor | None = None
    looks: tuple[LookResult, ...] = ()
    grading: Grading | None = None
    forms: tuple[FormsResult, ...] = ()


@attrs.frozen
class WeightedMean:
    """A candidate's weighted mean of its means on all datasets."""

    candidate: str
    estimate: Estimate


@attrs.frozen
class Overall:
    """The verdict over all datasets, with the weights that the specification states.

    Attributes:
        metric: The name of the metric that decides.
        weights: Dataset name to its weight, as stated.
        means: The weighted mean of each candidate that has a result on every dataset, best first.
        without: The candidates that have none on some dataset; they take no part.
        differences: Of every other candidate to the best.
        verdict: The conclusion.
        pairs: Every pair of candidates that share records on every dataset, in the order of the means.
    """

    metric: str
    weights: Mapping[str, float]
    means: tuple[WeightedMean, ...]
    without: tuple[str, ...]
    differences: tuple[Difference, ...]
    verdict: Verdict
    pairs: tuple[PairTest, ...] = ()


@attrs.frozen
class EvaluatorInfo:
    """An evaluator as it was used.

    Attributes:
        name: Its name in the specification.
        metrics: Its metrics.
        provenance: What its numbers rest on: versions, the true model and its hash.
    """

    name: str
    metrics: tuple[Metric, ...]
    provenance: Mapping[str, str]


@attrs.frozen
class Results:
    """All conclusions of a run.

    Attributes:
        run_id: The run.
        name: The pipeline's name.
        leaderboards: One per dataset.
        evaluators: As they were used.
        schema: The version of the file's form.
        overall: The verdict over all datasets, where the specification states `weights`; else None.
        retention: Tuned candidates and their bases on the dataset of `retention`; its margins are each one against its base.
        loads: How fast the endpoint of each model was under `load`; it takes no part in any verdict.
    """

    run_id: str
    name: str
    leaderboards: tuple[Leaderboard, ...]
    evaluators: tuple[EvaluatorInfo, ...]
    schema: int = RESULTS_SCHEMA
    overall: Overall | None = None
    retention: Leaderboard | None = None
    loads: tuple[ModelLoad, ...] = ()
