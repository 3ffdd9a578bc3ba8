"""Fine-tunes a JumpStart model in a SageMaker training job, or attaches to a job that trains the same model already."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.capacity import Patience, create_with_quota, lacks_capacity
from llmops_plugins.sagemaker.jumpstart.check import check_training
from llmops_plugins.sagemaker.jumpstart.options import JumpStartTrainingOptions, check_template
from llmops_plugins.sagemaker.jumpstart.requests import Request, TrainingChoices, training_request
from llmops_plugins.sagemaker.jumpstart.spec import JumpStartSpec, read_spec
from llmops_plugins.sagemaker.jumpstart.training_data import upload_data
from llmops_plugins.sagemaker.jumpstart.training_job import (
    Attempt,
    TrainingJob,
    find_attempt,
    max_wait_seconds,
    spot_saving,
)
from llmops_plugins.sagemaker.names import (
    ACCEPT_EULA,
    JUMPSTART_ARTIFACT,
    TRAINING_JOB,
)
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    DatasetSplits,
    EndpointError,
    PromptTemplate,
    Resource,
    TrainedModel,
    Trainer,
    digest,
)


class JumpStartTrainer(Trainer):
    """One training job for each trained model, named after the model's key: other runs that need the model find the job."""

    options: JumpStartTrainingOptions

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._account: Aws | None = None
        self._known_attempt: Attempt | None = None

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the exact version that a pattern such as `2.*` matches today."""
        return read_spec(self._aws(context), model.source, model.version).version

    def resources(self, context: Context) -> tuple[Resource, ...]:
        """Look for the job, and return it unless another run started it: only that run may stop it."""
        attempt = self._attempt(context)
        is_own = not attempt.status or attempt.run_id == context.run_id
        return (Resource(TRAINING_JOB, attempt.job.name),) if is_own else ()

    def train(self, context: Context, model: BaseModel, splits: DatasetSplits, prompt: PromptTemplate) -> TrainedModel:
        """Upload the data, start the job or attach to it, and wait for its end; see `Trainer.train`."""
        check_template("of this step", prompt)
        aws, options = self._aws(context), self.options
        # The version is the one in the artifact's key, unless JumpStart has published another within this second.
        spec = check_training(aws, model, options.hyperparameters)
        exact = attrs.evolve(model, version=spec.version)
        data_uri = upload_data(aws, splits, prompt)
        patience = Patience(options.poll_seconds, options.quota_timeout, options.capacity_attempts)
        for number, pause in enumerate(patience.pauses(), 1):
            description, attempt = self._run_job(context, self._request(context, spec, exact, data_uri), patience)
            if description["TrainingJobStatus"] == "Completed":
                _log_end(context, attempt.job, description)
                return _trained(exact, description, attempt.run_id)
            message = attempt.job.end_message(description)
            if attempt.run_id != context.run_id:
                message += f"; run {attempt.run_id!r} started it: run again to start a new one"
            if number >= patience.attempts or not lacks_capacity(attempt.job.reason(description)):
                raise EndpointError(message)
            text = f"{message}; starting another job ({number + 1} of {patience.attempts} attempts)"
            context.log.warning("%s", text)
            context.progress.log(f"{context.step}: {text}")
            time.sleep(pause)
            self._known_attempt = None  # the next name
            for resource in self.resources(context):
                context.add_resource(resource)
        raise AssertionError  # `pauses` never ends

    def _run_job(self, context: Context, request: Request, patience: Patience) -> tuple[Mapping[str, Any], Attempt]:
        """Start the job or attach to it, and wait for its end; return SageMaker's description, and the attempt."""
        max_wait = max_wait_seconds(request)

        def current_request() -> Request:
            return {**request, "Tags": self._aws(context).renewed(request["Tags"], max_wait)}

        self._known_attempt = attempt = _start_or_attach(context, self._attempt(context), current_request, patience)
        timeout = self.options.timeout or max_wait
        return attempt.job.wait(context, seconds=patience.seconds, timeout=timeout), attempt

    def _request(self, context: Context, spec: JumpStartSpec, model: BaseModel, data_uri: str) -> Request:
        aws, options = self._aws(context), self.options
        job_name = self._attempt(context).job.name
        return training_request(
            aws,
            spec,
            TrainingChoices(
                job_name=job_name,
                data_uri=data_uri,
                output_uri=aws.uri("training"),
                hyperparameters={"instruction_tuned": "True", **options.hyperparameters},
                accept_eula=ACCEPT_EULA in model.parameters,
                instance_type=options.instance_type,
                instance_count=options.instance_count,
                volume_size=options.volume_size,
                max_run=options.max_run,
                max_wait=options.max_wait,
                disable_output_compression=options.disable_output_compression,
                image_uri=options.image_uri,
                tags=aws.tags(context),
                checkpoint_uri=aws.uri("checkpoints", job_name) if options.spot and options.checkpoints else "",
                keep_alive_seconds=options.warm_pool,
            ),
        )

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop the job if it runs and belongs to this run. An ended job is not billed and cannot be deleted."""
        is_own = self._known_attempt is not None and self._known_attempt.run_id == context.run_id
        TrainingJob(self._aws(context), resource.name).stop("" if is_own else context.run_id)

    def _aws(self, context: Context) -> Aws:
        # Once for the step: its clients take half a second to make.
        self._account = self._account or Aws.of(context)
        return self._account

    def _attempt(self, context: Context) -> Attempt:
        # Looked up once, so that the ledger names the job that is started. The folder's name is the key of the model; the
        # settings add where it is stored and how it is encrypted.
        if self._known_attempt is None:
            aws = self._aws(context)
            settings = aws.settings
            key = digest(context.folder.name, aws.bucket_name, settings.prefix, settings.kms_key)
            self._known_attempt = find_attempt(aws, f"llmops-train-{key[:24]}")
        return self._known_attempt


def _start_or_attach(context: Context, attempt: Attempt, request: Callable[[], Request], patience: Patience) -> Attempt:
    """Start the job, or log which run started it; return its current state."""
    job = attempt.job
    if not attempt.status:
        if create_with_quota(lambda: job.create(request()), f"training job {job.name!r}", context, patience):
            context.log.info("training job %r: started", job.name)
            return attrs.evolve(attempt, run_id=context.run_id)
        attempt = Attempt.of(job, job.describe())
    is_own = attempt.run_id == context.run_id
    owner = "" if is_own else f" of run {attempt.run_id!r}"
    if attempt.status == "Completed":
        text = f"using the model of training job {job.name!r}{owner}, which is completed"
    elif is_own:
        text = f"waiting for training job {job.name!r} ({attempt.status})"
    else:
        text = (
            f"attached to training job {job.name!r}{owner} ({attempt.status}); it keeps running if this run is stopped"
        )
    context.progress.log(f"{context.step}: {text}")
    context.log.info("%s", text)
    return attempt


def _log_end(context: Context, job: TrainingJob, description: Mapping[str, Any]) -> None:
    """Log what is billed: for spot instances what they save, and for a warm pool that it is kept."""
    texts: list[str] = []
    saving = spot_saving(description)
    if saving is not None:
        trained, billed = description["TrainingTimeInSeconds"], description["BillableTimeInSeconds"]
        texts.append(f"trained for {trained} s, billed for {billed} s: spot instances saved {saving:.0f} %")
    if kept := description.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds"):
        texts.append(f"its instances are kept and billed for up to {kept} s more (warm_pool)")
    for text in texts:
        context.log.info("training job %r: %s", job.name, text)
        context.progress.log(f"{context.step}: training job {job.name!r}: {text}")


def _trained(base: BaseModel, job: Mapping[str, Any], run_id: str) -> TrainedModel:
    """Return the model of a completed job.

    Args:
        base: The base weights, with their exact version.
        job: SageMaker's description of the job.
        run_id: The run that started the job.
    """
    metrics = {
        "training_seconds": job.get("TrainingTimeInSeconds"),
        "billable_seconds": job.get("BillableTimeInSeconds"),
        "spot_saving_percent": spot_saving(job),
        **{metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList") or ()},
    }
    resources = job.get("ResourceConfig", {})
    return TrainedModel(
        format=JUMPSTART_ARTIFACT,
        uri=job["ModelArtifacts"]["S3ModelArtifacts"],
        base=base,
        job_name=job["TrainingJobName"],
        metrics={name: float(value) for name, value in metrics.items() if value is not None},
        metadata={
            "instance_type": str(resources.get("InstanceType", "")),
            "instance_count": str(resources.get("InstanceCount", "")),
            "compression": str(job.get("OutputDataConfig", {}).get("CompressionType") or "GZIP"),
            "started_by": run_id,
            "spot": "true" if job.get("EnableManagedSpotTraining") else "false",
        },
    )
