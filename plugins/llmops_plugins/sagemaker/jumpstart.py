"""Fine-tunes a JumpStart model in a SageMaker training job, and finds a job again that an earlier attempt has begun."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.sagemaker import sdk
from llmops_plugins.sagemaker.aws import EXPIRES_TAG, Aws
from llmops_plugins.sagemaker.jumpstart_check import check_training
from llmops_plugins.sagemaker.jumpstart_options import JumpStartTrainingOptions, check_template
from llmops_plugins.sagemaker.jumpstart_spec import read_spec
from llmops_plugins.sagemaker.names import (
    ACCEPT_EULA,
    JUMPSTART_ARTIFACT,
    TOLERATE_DEPRECATED,
    TOLERATE_VULNERABLE,
    TRAINING_JOB,
)
from llmops_plugins.sagemaker.sdk_requests import Request, TrainingChoices
from llmops_plugins.sagemaker.training_job import RUNNING, TrainingJob, longest_wait
from llmops_sdk import (
    BaseModel,
    Context,
    DatasetSplits,
    EndpointError,
    PromptTemplate,
    Resource,
    TextTemplate,
    TrainedModel,
    Trainer,
    digest,
)

_NAME_LIMIT = 60  # of SageMaker's 63; the rest is for the number of a further attempt


class JumpStartTrainer(Trainer):
    """A training job for each trained model. Its name is kept beside what it makes, so that a rerun finds it again."""

    options: JumpStartTrainingOptions

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._known: Aws | None = None

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the exact version that `2.*` and the like mean today."""
        return read_spec(self._aws(context), model.source, model.version).version

    def resources(self, context: Context) -> tuple[Resource, ...]:
        """Name the job: the one that an earlier attempt has begun, or a new one."""
        return (Resource(TRAINING_JOB, _Attempts.read(context).current),)

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Upload the data, begin the job or find it, and wait for it; see `Trainer.train`."""
        check_template("of this step", prompt)
        aws, options = self._aws(context), self.options
        # The version is the one the artifact is keyed by, unless JumpStart has published another within this second.
        spec = check_training(aws, model, options.hyperparameters)
        attempts = _Attempts.read(context)
        job = TrainingJob(aws, attempts.current)
        request = sdk.training_request(
            aws,
            TrainingChoices(
                job_name=job.name,
                model_id=model.source,
                version=spec.version,
                data_uri=_upload(aws, splits, prompt),
                output_uri=aws.uri("training"),
                hyperparameters={"instruction_tuned": "True", **options.hyperparameters},
                accept_eula=ACCEPT_EULA in model.parameters,
                tolerate_vulnerable_model=TOLERATE_VULNERABLE in model.parameters,
                tolerate_deprecated_model=TOLERATE_DEPRECATED in model.parameters,
                instance_type=options.instance_type,
                instance_count=options.instance_count,
                volume_size=options.volume_size,
                max_run=options.max_run,
                max_wait=options.max_wait,
                disable_output_compression=options.disable_output_compression,
                tags=aws.tags(context),
            ),
        )
        longest = longest_wait(request)
        for tag in request["Tags"]:
            if tag["Key"] == EXPIRES_TAG:
                tag["Value"] = aws.expires(longest)
        self._begin_or_find(context, job, request, attempts)
        try:
            found = job.wait(context, seconds=options.poll_seconds, timeout=options.timeout or longest)
        except EndpointError:
            attempts.end()
            raise
        return _trained(attrs.evolve(model, version=spec.version), found)

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop the job where it runs. One that has ended costs nothing and cannot be deleted."""
        if TrainingJob(self._aws(context), resource.name).stop():
            attempts = _Attempts.read(context)
            if attempts.current == resource.name:
                attempts.end()

    def _aws(self, context: Context) -> Aws:
        # One for the step: its clients take half a second to make.
        self._known = self._known or Aws.of(context)
        return self._known

    def _begin_or_find(self, context: Context, job: TrainingJob, request: Request, attempts: _Attempts) -> None:
        found = job.describe()
        if found is None:
            attempts.begin()
            job.create(request)
            context.log.info("training job %r: begun", job.name)
            return
        status = found["TrainingJobStatus"]
        if status not in RUNNING | {"Completed"}:
            attempts.end()
            message = f"{job.last_words(found)}; that was an earlier attempt: run again, and a new job is begun"
            raise EndpointError(message)
        if _inputs(found) != _inputs(request):
            attempts.end()
            message = f"there is a training job {job.name!r} with other inputs: run again, and a new job is begun"
            raise EndpointError(message)
        attempts.begin()
        context.progress.say(f"{context.step}: going on with training job {job.name} ({status})")
        context.log.info("training job %r: found, %s", job.name, status)


def _trained(base: BaseModel, found: Mapping[str, Any]) -> TrainedModel:
    """Return what a completed job left."""
    took = {
        "training_seconds": found.get("TrainingTimeInSeconds"),
        "billable_seconds": found.get("BillableTimeInSeconds"),
        **{metric["MetricName"]: metric["Value"] for metric in found.get("FinalMetricDataList") or ()},
    }
    resources = found.get("ResourceConfig", {})
    return TrainedModel(
        format=JUMPSTART_ARTIFACT,
        uri=found["ModelArtifacts"]["S3ModelArtifacts"],
        base=base,
        job_name=found["TrainingJobName"],
        metrics={name: float(value) for name, value in took.items() if value is not None},
        facts={
            "instance_type": str(resources.get("InstanceType", "")),
            "instance_count": str(resources.get("InstanceCount", "")),
            "compression": str(found.get("OutputDataConfig", {}).get("CompressionType") or "GZIP"),
            "spot": "true" if found.get("EnableManagedSpotTraining") else "false",
        },
    )


def _inputs(job: Mapping[str, Any]) -> Any:
    """Return what decides a job's result, of its request or of what SageMaker tells of it."""
    own = {name: value for name, value in job.get("HyperParameters", {}).items() if not name.startswith("sagemaker_")}
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in job.get("InputDataConfig", ())
    }
    return own, channels, job["AlgorithmSpecification"].get("TrainingImage")


def _upload(aws: Aws, splits: DatasetSplits, prompt: PromptTemplate) -> str:
    """Put the splits and the template where the job reads them, under the hash of their content; return the folder."""
    if not isinstance(prompt, TextTemplate):  # told with its name by `check_template` before
        raise TypeError
    template = json.dumps({"prompt": prompt.prompt, "completion": prompt.completion}, ensure_ascii=False).encode()
    key = digest(splits.train.sha256, splits.test.sha256, template.decode())[:16]
    train = aws.uri("data", key, "train")
    aws.upload(splits.train.path, f"{train}/train.jsonl")
    aws.put(template, f"{train}/template.json")
    aws.upload(splits.test.path, aws.uri("data", key, "test", "test.jsonl"))
    return train


@attrs.frozen
class _Attempts:
    """The names of the jobs that were begun for one artifact; a name can be used only once on SageMaker.

    Attributes:
        path: Where they are kept, beside what the step makes.
        tried: Names that were used, in their order.
        alive: Whether the last of them is to be found again.
        new: The first name that this step may use for a new one.
    """

    path: Path
    tried: tuple[str, ...]
    alive: bool
    new: str

    @classmethod
    def read(cls, context: Context) -> _Attempts:
        path, new = context.folder / "training-jobs.json", context.resource_name(_NAME_LIMIT)
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            return cls(path, (), alive=False, new=new)
        return cls(path, tuple(found["tried"]), found["alive"], new)

    @property
    def current(self) -> str:
        if self.alive:
            return self.tried[-1]
        number = 1
        while (name := self.new if number == 1 else f"{self.new}-{number}") in self.tried:
            number += 1
        return name

    def begin(self) -> None:
        self._write(alive=True)

    def end(self) -> None:
        self._write(alive=False)

    def _write(self, *, alive: bool) -> None:
        if not self.path.parent.is_dir():  # a sweep on another machine
            return
        tried = tuple(dict.fromkeys((*self.tried, self.current)))
        draft = self.path.with_suffix(".tmp")
        draft.write_text(json.dumps({"tried": tried, "alive": alive}), encoding="utf-8")
        draft.replace(self.path)
