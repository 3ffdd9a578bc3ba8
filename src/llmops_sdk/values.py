"""The values that cross steps: frozen, JSON-safe, artifacts by path or URI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union

import attrs

Record = Mapping[str, Any]
"""One row of a data set: `instruction`, `context`, `response`, plus any other JSON field."""

Message = Mapping[str, str]
"""One chat message: `role` and `content`."""


# -- data ---------------------------------------------------------------------------------------


@attrs.frozen
class Split:
    """One split of a data set: a JSONL file of records, read as a stream.

    Attributes:
        path: The file; UTF-8, one JSON object a line.
        records: How many records it has.
        sha256: Of the file's bytes.
    """

    path: Path
    records: int
    sha256: str

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in the file's order, one at a time."""
        with self.path.open("rb") as lines:
            for line in lines:
                yield json.loads(line)


@attrs.frozen
class DatasetSplits:
    """What a data source leaves: a train and a test split.

    Attributes:
        train: What trainers see; may have no records when nothing is fine-tuned.
        test: What candidates are asked, in this order.
        source: Facts about the origin worth recording (path, hub id, resolved commit).
    """

    train: Split
    test: Split
    source: Mapping[str, str] = attrs.field(factory=dict)


# -- prompts ------------------------------------------------------------------------------------


@attrs.frozen
class TextTemplate:
    """A prompt template for models that complete text.

    A record is asked as `prompt + response_key` and trained as `prompt + response_key + completion`.

    Attributes:
        prompt: Text with `{field}` places; only names of record fields are allowed in them.
        response_key: The text between the prompt and the model's answer.
        completion: The reference answer as the model should learn it.
        stop: Strings at which generation ends; they are cut from the output.
    """

    prompt: str
    response_key: str = ""
    completion: str = "{response}"
    stop: tuple[str, ...] = ()


@attrs.frozen
class ChatTemplate:
    """A prompt template for chat models; the model's own chat template puts the messages into text.

    Attributes:
        messages: `role` and `content`, the content with `{field}` places.
        completion: The assistant's reference answer.
        stop: Strings at which generation ends; they are cut from the output.
    """

    messages: tuple[Mapping[str, str], ...]
    completion: str = "{response}"
    stop: tuple[str, ...] = ()


PromptTemplate = Union[TextTemplate, ChatTemplate]


@attrs.frozen
class TextPrompt:
    """A record rendered through a `TextTemplate`: `text` is asked, `completion` is to be learned."""

    text: str
    completion: str


@attrs.frozen
class ChatPrompt:
    """A record rendered through a `ChatTemplate`."""

    messages: tuple[Mapping[str, str], ...]
    completion: str


Prompt = Union[TextPrompt, ChatPrompt]


@attrs.frozen
class GenerationOptions:
    """How candidates write their answers; one for all candidates of a run.

    Attributes:
        max_new_tokens: The longest answer, in tokens of the model.
        temperature: 0 is greedy decoding.
        top_p: Nucleus sampling; 1 keeps all tokens.
        stop: Further stop strings, after those of the prompt template.
        seed: For sampling.
    """

    max_new_tokens: int = attrs.field(default=128, validator=attrs.validators.ge(1))
    temperature: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    top_p: float = attrs.field(default=1.0, validator=[attrs.validators.gt(0), attrs.validators.le(1)])
    stop: tuple[str, ...] = ()
    seed: int = 0


# -- models and endpoints -----------------------------------------------------------------------


@attrs.frozen
class BaseModel:
    """Weights as somebody else published them.

    Attributes:
        format: What trainers and deployers must understand: `huggingface`, `jumpstart`, ...
        source: A path, a hub id, an asset or a catalogue id.
        version: A revision or version; empty means the source's current one.
        parameters: What the plugins of this format also need to know, as text.
    """

    format: str
    source: str
    version: str = ""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class TrainingPoint:
    """One point of a training curve.

    Attributes:
        step: Optimizer steps done.
        tokens: Tokens seen, padding not counted.
        seconds: Since training began, over all attempts.
        loss: Mean cross-entropy of the target tokens (nats a token), or None where only the held-out loss was taken.
        held_out_loss: The same on rows never trained on, or None where it was not taken.
    """

    step: int
    tokens: int
    seconds: float
    loss: float | None
    held_out_loss: float | None = None


@attrs.frozen
class TrainedModel:
    """What a trainer leaves.

    Attributes:
        format: What a deployer must accept.
        uri: Where the weights are: a path below the step's folder, or a URI.
        base: The model it started from, with its version resolved.
        job_name: The remote job, or empty.
        metrics: Names and numbers worth showing (tokens_per_second, held_out_loss_before, ...).
        curve: The loss over the steps.
        truncated: Whether a time budget ended it before its steps were done.
        facts: What is worth recording (device, dtype).
    """

    format: str
    uri: str
    base: BaseModel
    job_name: str = ""
    metrics: Mapping[str, float] = attrs.field(factory=dict)
    curve: tuple[TrainingPoint, ...] = ()
    truncated: bool = False
    facts: Mapping[str, str] = attrs.field(factory=dict)


ServableModel = Union[BaseModel, TrainedModel]


@attrs.frozen
class Resource:
    """Something a step creates that could outlive it: an endpoint, a job, a process.

    Attributes:
        kind: What it is, in the plugin's words (`endpoint`, `training-job`, `process`).
        name: Its name, derived from the run and the step, so that it is known before it exists.
    """

    kind: str
    name: str


@attrs.frozen
class TaggedResource:
    """A resource of a run, as its tags and the service tell of it.

    Attributes:
        resource: What it is.
        run_id: The run that made it.
        step: The step that made it, or empty.
        state: What the service says of it (`InService`, `Creating`), or empty.
        created: When it was created, in seconds since the epoch.
        expires: After when nobody needs it any more, in seconds since the epoch; None where it does not say.
        billed: What is billed for it by the hour (`1 x ml.g5.2xlarge`), or empty for nothing.
        in_use: Who is known to need it now, or empty.
    """

    resource: Resource
    run_id: str
    step: str
    created: float
    expires: float | None
    state: str = ""
    billed: str = ""
    in_use: str = ""


@attrs.frozen
class Endpoint:
    """A deployed model that can be asked.

    Attributes:
        name: Its name where it is deployed.
        url: Where to POST; empty where the deployer brings a transport of its own.
        headers: Sent with every request.
        concurrency: How many requests at a time suit it.
        facts: What is worth recording (device, dtype, instance type).
        extra_body: Further fields of every request's JSON body (`model`, which OpenAI's servers want); None leaves out one
            that would be sent.
    """

    name: str
    url: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    concurrency: int = 16
    facts: Mapping[str, str] = attrs.field(factory=dict)
    extra_body: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Reply:
    """What an endpoint answered to one request.

    Attributes:
        text: The generated text, without the prompt.
        prompt_tokens: As the endpoint counted them, or None.
        output_tokens: As the endpoint counted them, or None.
        finish_reason: `stop`, `length`, or empty where the endpoint does not say.
        model: The model as the endpoint calls it, or empty where it does not say.
        time_to_first_token: Seconds from the request to the first token, or None where the answer came whole.
    """

    text: str
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""
    model: str = ""
    time_to_first_token: float | None = None


# -- generations and scores ---------------------------------------------------------------------


@attrs.frozen
class Probe:
    """A further question of an evaluator about a record, asked inside `generate` and kept beside the generations.

    Attributes:
        name: Its name, unique among the probes of its record.
        record: What is rendered through the cell's prompt and asked; a test record that was changed.
        text: What is asked as it stands, where there is no `record`.
        log_probability: Whether the probability of the text itself is wanted, and no answer.
    """

    name: str
    record: Record | None = None
    text: str = ""
    log_probability: bool = False


@attrs.frozen
class ProbeReply:
    """What a probe got.

    Attributes:
        output: What the model wrote, or None.
        log_probability: Natural logarithm of the probability of the probe's text, or None.
        error: Why there is neither, or empty.
    """

    output: str | None = None
    log_probability: float | None = None
    error: str = ""


@attrs.frozen
class Generation:
    """One record, asked and answered.

    Attributes:
        index: The record's place in the test split.
        record: The record.
        prompt: What was asked.
        output: What the model wrote.
        latency: Seconds from the request to the reply, retries not counted.
        prompt_tokens: As the endpoint counted them, or None.
        output_tokens: As the endpoint counted them, or None.
        finish_reason: `stop`, `length` or empty.
        probes: What the evaluator's own probes of this record got, by their names.
        time_to_first_token: Seconds from the request to the first token, or None where the answer came whole.
    """

    index: int
    record: Record
    prompt: Prompt
    output: str
    latency: float = 0.0
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str = ""
    probes: Mapping[str, ProbeReply] = attrs.field(factory=dict)
    time_to_first_token: float | None = None


@attrs.frozen
class Metric:
    """One number an evaluator gives per record.

    Attributes:
        name: As it stands in every record (`rougeL`).
        label: As people read it (`ROUGE-L`).
        higher_is_better: Which end of the scale wins; None where neither does (a length): such a metric decides nothing.
    """

    name: str
    label: str = ""
    higher_is_better: bool | None = True


@attrs.frozen
class Scored:
    """The scores of one record.

    Attributes:
        index: The record's place in the test split.
        scores: Metric name to a finite number. A metric that this record has no value of may be left out.
        notes: Name to text worth keeping beside the sample, as a judge's own words.
    """

    index: int
    scores: Mapping[str, float]
    notes: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Unscored:
    """A record that could not be scored, and why.

    Attributes:
        index: The record's place in the test split.
        error: Why, in one line.
        notes: As of `Scored`.
    """

    index: int
    error: str
    notes: Mapping[str, str] = attrs.field(factory=dict)


RecordScore = Union[Scored, Unscored]


def record_name(record: Record, index: int) -> str:
    """Return how messages call a record: its place and its first words."""
    text = str(record.get("instruction") or next(iter(record.values()), ""))
    return f"record {index} ({text[:40]!r})" if text else f"record {index}"
