"""The options of JumpStart models and of their training, and the checks that `build()` makes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.sagemaker.limits import check_hyperparameters
from llmops_plugins.sagemaker.names import (
    ACCEPT_EULA,
    JUMPSTART,
    RESPONSE_KEY,
    TOLERATE_DEPRECATED,
    TOLERATE_VULNERABLE,
)
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk.plugin import (
    BaseModel,
    Billing,
    ChatTemplate,
    Check,
    ModelOptions,
    Price,
    PromptTemplate,
    SpecError,
    TextTemplate,
    TrainerOptions,
    option,
)

QUOTA_TIMEOUT, CAPACITY_ATTEMPTS = 6 * 3600.0, 3
"""How long the steps wait for a quota that is in use, and how often they try to get instances, by default."""

LLAMA_2_7B = "meta-textgeneration-llama-2-7b"
_log = logging.getLogger("llmops.sagemaker")
_at_least_one = validators.ge(1)
_version = validators.matches_re(r"\*|\d+(\.\d+)*(\.\*)?")


@attrs.frozen(kw_only=True)
class JumpStartOptions(ModelOptions):
    """A model of SageMaker JumpStart."""

    model_id: str = option(help="JumpStart ID, such as 'meta-textgeneration-llama-2-7b'")
    version: str = option("*", help="version: exact, or '4.*', or '*' for the newest", validator=_version)
    accept_eula: bool = option(False, help="whether you have read and accept the licence of a gated model")
    tolerate_vulnerable_model: bool = option(False, help="use the model although its code has known vulnerabilities")
    tolerate_deprecated_model: bool = option(False, help="use the model although JumpStart has deprecated it")

    def base_model(self) -> BaseModel:
        """Return the base weights that these options name."""
        flags = {
            ACCEPT_EULA: self.accept_eula,
            TOLERATE_VULNERABLE: self.tolerate_vulnerable_model,
            TOLERATE_DEPRECATED: self.tolerate_deprecated_model,
        }
        parameters = {name: "true" for name, is_set in flags.items() if is_set}
        return BaseModel(format=JUMPSTART, source=self.model_id, version=self.version, parameters=parameters)

    def usual_name(self) -> str:
        """Return the model's ID."""
        return self.model_id


@attrs.frozen(kw_only=True)
class Llama27bOptions(JumpStartOptions):
    """Llama 2 7B, as in the article; `version="4.*"` is the current one in JumpStart."""

    model_id: str = option(LLAMA_2_7B, help="JumpStart ID")
    version: str = option("2.*", help="'2.*' as in the article, or '4.*'", validator=_version)

    def usual_name(self) -> str:
        """Return nothing: it is called like its card."""
        return ""

    def base_model(self) -> BaseModel:
        """Return the base weights.

        Raises:
            SpecError: The licence is not accepted.
        """
        if not self.accept_eula:
            message = "it is under Meta's Llama 2 licence: read it, and set accept_eula=True if you accept it"
            raise SpecError(message)
        return super().base_model()


@attrs.frozen(kw_only=True)
class JumpStartTrainingOptions(TrainerOptions):
    """A SageMaker training job that fine-tunes a JumpStart model. None takes the value of the model's metadata."""

    hyperparameters: Mapping[str, Any] = option(
        factory=dict,
        help="override the model's defaults: epoch, max_input_length, ...; instruction_tuned is always 'True'",
    )
    instance_type: str | None = option(None, help="such as 'ml.g5.12xlarge'", affects_results=False)
    image_uri: str = option("", help="the container's image; default: the one that JumpStart names for the region")
    instance_count: int = option(1, help="number of instances", affects_results=False, validator=_at_least_one)
    volume_size: int | None = option(
        None, help="disk size in GiB", affects_results=False, validator=validators.optional(_at_least_one)
    )
    max_run: int | None = option(
        None,
        help="seconds after which SageMaker stops the job",
        affects_results=False,
        validator=validators.optional(_at_least_one),
    )
    spot: bool = option(False, help="run on spot instances; needs max_run and max_wait", affects_results=False)
    max_wait: int | None = option(
        None,
        help="total seconds for waiting for spot instances and running on them",
        affects_results=False,
        validator=validators.optional(_at_least_one),
    )
    checkpoints: bool = option(
        True,
        help="with spot: give the job a folder in S3 for checkpoints, from which an interrupted job continues if its script"
        " writes any",
        affects_results=False,
    )
    warm_pool: int = option(
        0,
        help="seconds, at most 3600, for which the job's instances are kept, and billed, for another job; needs a warm pool quota",
        affects_results=False,
        validator=[validators.ge(0), validators.le(3600)],
    )
    disable_output_compression: bool = option(
        True, help="store the model as files, which an endpoint loads faster than an archive", affects_results=False
    )
    timeout: float | None = option(
        None,
        help="seconds to wait for the job; default: as long as the job may run, plus six hours for instances",
        affects_results=False,
        validator=validators.optional(validators.gt(0)),
    )
    quota_timeout: float = option(
        QUOTA_TIMEOUT,
        help="seconds to wait while other jobs use the quota of the instance type",
        affects_results=False,
        validator=validators.ge(0),
    )
    capacity_attempts: int = option(
        CAPACITY_ATTEMPTS,
        help="jobs that are started one after another if AWS has no instance of the type",
        affects_results=False,
        validator=_at_least_one,
    )
    poll_seconds: float = option(
        20.0, help="seconds between two checks of the job", affects_results=False, validator=validators.gt(0)
    )

    def __attrs_post_init__(self) -> None:
        """Convert the hyperparameters to text, which JumpStart requires, and check the options together.

        Raises:
            ValueError: A value has the wrong type, or options contradict each other.
        """
        texts = {name: _text(name, value) for name, value in self.hyperparameters.items()}
        check_hyperparameters(texts)
        object.__setattr__(self, "hyperparameters", texts)
        if texts.get("instruction_tuned", "True") != "True":
            message = (
                "the trainer 'jumpstart' does instruction tuning: leave out instruction_tuned, or set it to 'True'"
            )
            raise ValueError(message)
        if texts.get("chat_dataset", "False") != "False":
            message = "the trainer 'jumpstart' trains on instructions, not on dialogues: leave out chat_dataset"
            raise ValueError(message)
        if self.spot and (self.max_run is None or self.max_wait is None or self.max_wait < self.max_run):
            message = "spot needs max_run, and a max_wait of at least max_run"
            raise ValueError(message)
        if self.spot and self.warm_pool:
            message = "SageMaker keeps no warm pool of spot instances: leave out spot or warm_pool"
            raise ValueError(message)
        if self.max_wait is not None and not self.spot:
            message = "max_wait is for spot instances: set spot=True too"
            raise ValueError(message)

    def billing(self, base: BaseModel) -> Billing:
        """Return that the hours of its instances are billed; the type that JumpStart chooses is not known here."""
        return Billing("hours", self.instance_type or "", self.instance_count, most_seconds=self.max_run)

    def online_price(self, base: BaseModel, settings: Mapping[str, Any]) -> Price | None:
        """Return what an hour of its instance costs on demand, by AWS's Price List; spot instances have no fixed price."""
        from llmops_plugins.sagemaker.aws.prices import on_demand

        return None if self.spot else on_demand(self.instance_type or "", "Training", settings)

    def check(
        self,
        base: BaseModel,
        prompts: Mapping[str, PromptTemplate],
        settings: Mapping[str, Any],
    ) -> None:
        """Check the prompts.

        Raises:
            UserError: JumpStart cannot train on one of them.
        """
        for name, template in prompts.items():
            check_template(name, template)

    def check_online(self, base: BaseModel, settings: Mapping[str, Any]) -> None:
        """Check the model and its hyperparameters, if JumpStart can be reached.

        Raises:
            UserError: The model cannot be trained, or not with these hyperparameters.
        """
        from llmops_plugins.sagemaker.jumpstart.check import check_training

        check_reachable(lambda: check_training(_aws(settings), base, self.hyperparameters), base)

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterator[Check]:
        """Yield the checks of the account, the model, its image and the quotas."""
        from llmops_plugins.sagemaker.aws.preflight import Preflight
        from llmops_plugins.sagemaker.jumpstart.check import training_checks, training_instance

        preflight = Preflight(SageMakerSettings.from_mapping(settings))
        yield from preflight.account()
        instance = self.instance_type or training_instance(preflight.aws, base)
        yield from training_checks(preflight.aws, base, self.hyperparameters, instance, self.image_uri)
        yield preflight.training_quota(instance, self.instance_count, spot=self.spot)
        if self.warm_pool:
            yield preflight.warm_pool_quota(instance, self.instance_count)


def check_template(name: str, template: PromptTemplate) -> None:
    """Check that training and asking use the same text.

    JumpStart's instruction tuning puts its own response key between prompt and completion. A template with another one
    would be trained with JumpStart's key, and asked with its own.

    Raises:
        SpecError: The template has another response key, or is chat messages or a function.
    """
    if isinstance(template, TextTemplate) and template.response_key == RESPONSE_KEY:
        return
    if isinstance(template, TextTemplate):
        has = f"response_key {template.response_key!r}"
    else:
        has = "chat messages" if isinstance(template, ChatTemplate) else "a function"
    message = (
        f"JumpStart trains every prompt with the response key {RESPONSE_KEY!r}, and prompt {name!r} has {has}:"
        " use 'alpaca', or a template with that response_key"
    )
    raise SpecError(message)


def check_reachable(check: Any, base: BaseModel) -> None:
    """Run a check that needs JumpStart; if it cannot be reached, warn that the check is made later."""
    from llmops_plugins.sagemaker.jumpstart.spec import UnreachableError

    try:
        check()
    except UnreachableError as exc:
        _warn(f"model {base.source!r} cannot be checked now; it is checked before anything is created: {exc}")


@lru_cache(maxsize=16)
def _warn(text: str) -> None:
    """Warn once, since trainer and deployer make the same check."""
    _log.warning("%s", text)


def _aws(settings: Mapping[str, Any]) -> Any:
    from llmops_plugins.sagemaker.aws.account import Aws

    return Aws(SageMakerSettings.from_mapping(settings))


def check_serving(base: BaseModel, settings: Mapping[str, Any]) -> None:
    """Check that JumpStart serves a base model, if JumpStart can be reached.

    Raises:
        UserError: It does not, or the licence is not accepted.
    """
    from llmops_plugins.sagemaker.jumpstart.check import check_model

    check_reachable(lambda: check_model(_aws(settings), base), base)


def _text(name: str, value: Any) -> str:
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    message = f"hyperparameter {name!r} must be text, a number, or True or False, not {value!r}"
    raise ValueError(message)
