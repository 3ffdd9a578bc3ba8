"""Fine-tunes a JumpStart model in a SageMaker training job, and finds the job that somebody has begun for the same model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from llmops_plugins.sagemaker.aws.account import EXPIRES_TAG, Aws
from llmops_plugins.sagemaker.aws.names import (
    ACCEPT_EULA,
    JUMPSTART_ARTIFACT,
    TOLERATE_DEPRECATED,
    TOLERATE_VULNERABLE,
    TRAINING_JOB,
)
from llmops_plugins.sagemaker.jumpstart.check import check_training
from llmops_plugins.sagemaker.jumpstart.options import JumpStartTrainingOptions, check_template
from llmops_plugins.sagemaker.jumpstart.spec import read_spec
from llmops_plugins.sagemaker.jumpstart.training_job import Attempt, TrainingJob, find_attempt, longest_wait
from llmops_plugins.sagemaker.sdk import jumpstart as sdk
from llmops_plugins.sagemaker.sdk.requests import Request, TrainingChoices
from llmops_sdk.plugin import (
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


class JumpStartTrainer(Trainer):
    """A training job for each trained model, named by the key of that model: whoever needs the same one finds the job."""

    options: JumpStartTrainingOptions

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._known: Aws | None = None
        self._found: Attempt | None = None

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the exact version that `2.*` and the like mean today."""
        return read_spec(self._aws(context), model.source, model.version).version

    def resources(self, context: Context) -> tuple[Resource, ...]:
        """Look for the job, and name it unless another run has begun it: it is that run's to stop."""
        attempt = self._attempt(context)
        mine = not attempt.status or attempt.run_id == context.run_id
        return (Resource(TRAINING_JOB, attempt.job.name),) if mine else ()

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Upload the data, begin the job or attach to it, and wait for it; see `Trainer.train`."""
        check_template("of this step", prompt)
        aws, options = self._aws(context), self.options
        # The version is the one the artifact is keyed by, unless JumpStart has published another within this second.
        spec = check_training(aws, model, options.hyperparameters)
        attempt = self._attempt(context)
        job = attempt.job
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
        self._found = attempt = _begin_or_attach(context, attempt, request)
        found = job.wait(context, seconds=options.poll_seconds, timeout=options.timeout or longest)
        if found["TrainingJobStatus"] != "Completed":
            message = job.last_words(found)
            if attempt.run_id != context.run_id:
                message += f"; run {attempt.run_id!r} had begun it: run again, and a new one is begun"
            raise EndpointError(message)
        return _trained(attrs.evolve(model, version=spec.version), found, attempt.run_id)

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop the job where it runs and is this run's. One that has ended costs nothing and cannot be deleted."""
        mine = self._found is not None and self._found.run_id == context.run_id
        TrainingJob(self._aws(context), resource.name).stop("" if mine else context.run_id)

    def _aws(self, context: Context) -> Aws:
        # One for the step: its clients take half a second to make.
        self._known = self._known or Aws.of(context)
        return self._known

    def _attempt(self, context: Context) -> Attempt:
        # Looked for once, so that the ledger names the job that is begun. The folder's name is the key of what is made,
        # to which the settings add where it lies and how it is encrypted.
        if self._found is None:
            aws = self._aws(context)
            settings = aws.settings
            key = digest(context.folder.name, aws.bucket_name, settings.prefix, settings.kms_key)
            self._found = find_attempt(aws, f"llmops-train-{key[:24]}")
        return self._found


def _begin_or_attach(context: Context, attempt: Attempt, request: Request) -> Attempt:
    """Begin the job, or tell whose it is; return it as it is now."""
    job = attempt.job
    if not attempt.status:
        if job.create(request):
            context.log.info("training job %r: begun", job.name)
            return attrs.evolve(attempt, run_id=context.run_id)
        attempt = Attempt.of(job, job.describe())
    mine = attempt.run_id == context.run_id
    whose = "" if mine else f" of run {attempt.run_id!r}"
    if attempt.status == "Completed":
        said = f"taking the model of training job {job.name!r}{whose}, which is completed"
    elif mine:
        said = f"going on with training job {job.name!r} ({attempt.status})"
    else:
        said = f"attached to training job {job.name!r}{whose} ({attempt.status}); it goes on when this run is stopped"
    context.progress.log(f"{context.step}: {said}")
    context.log.info("%s", said)
    return attempt


def _trained(base: BaseModel, found: Mapping[str, Any], run_id: str) -> TrainedModel:
    """Return what a completed job left, which that run had begun."""
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
        metadata={
            "instance_type": str(resources.get("InstanceType", "")),
            "instance_count": str(resources.get("InstanceCount", "")),
            "compression": str(found.get("OutputDataConfig", {}).get("CompressionType") or "GZIP"),
            "begun_by": run_id,
            "spot": "true" if found.get("EnableManagedSpotTraining") else "false",
        },
    )


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
