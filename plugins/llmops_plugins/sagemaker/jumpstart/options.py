"""The options of JumpStart models and of their training, and what `build()` can check of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import attrs
from attrs import validators

from llmops_plugins.sagemaker.aws.names import (
    ACCEPT_EULA,
    JUMPSTART,
    RESPONSE_KEY,
    TOLERATE_DEPRECATED,
    TOLERATE_VULNERABLE,
)
from llmops_plugins.sagemaker.aws.settings import PLUGIN, SageMakerSettings
from llmops_sdk.plugin import (
    BaseModel,
    Check,
    ModelOptions,
    PromptTemplate,
    SpecError,
    TextTemplate,
    TrainerOptions,
    option,
)

LLAMA_2_7B = "meta-textgeneration-llama-2-7b"
_log = logging.getLogger("llmops.sagemaker")
_at_least_one = validators.ge(1)
_version = validators.matches_re(r"\*|\d+(\.\d+)*(\.\*)?")


@attrs.frozen(kw_only=True)
class JumpStartOptions(ModelOptions):
    """A model of SageMaker JumpStart."""

    model_id: str = option(help="its JumpStart id, such as 'meta-textgeneration-llama-2-7b'")
    version: str = option("*", help="its version: exact, or '4.*', or '*' for the newest", validator=_version)
    accept_eula: bool = option(False, help="whether you have read and accept the licence of a gated model")
    tolerate_vulnerable_model: bool = option(False, help="use it though its code is known to have vulnerabilities")
    tolerate_deprecated_model: bool = option(False, help="use it though JumpStart has deprecated it")

    def base_model(self) -> BaseModel:
        """Return the base weights these options name."""
        said = {
            ACCEPT_EULA: self.accept_eula,
            TOLERATE_VULNERABLE: self.tolerate_vulnerable_model,
            TOLERATE_DEPRECATED: self.tolerate_deprecated_model,
        }
        parameters = {name: "true" for name, yes in said.items() if yes}
        return BaseModel(format=JUMPSTART, source=self.model_id, version=self.version, parameters=parameters)


@attrs.frozen(kw_only=True)
class Llama27bOptions(JumpStartOptions):
    """Llama 2 7B, as in the article; `version="4.*"` is what JumpStart offers today."""

    model_id: str = option(LLAMA_2_7B, help="its JumpStart id")
    version: str = option("2.*", help="'2.*' as in the article, or '4.*'", validator=_version)

    def base_model(self) -> BaseModel:
        """Return the base weights.

        Raises:
            SpecError: The licence is not accepted.
        """
        if not self.accept_eula:
            message = "it is under Meta's Llama 2 licence: read that, and say accept_eula=True if you accept it"
            raise SpecError(message)
        return super().base_model()


@attrs.frozen(kw_only=True)
class JumpStartTrainingOptions(TrainerOptions):
    """A SageMaker training job that fine-tunes a JumpStart model. What is None is as the model's metadata has it."""

    hyperparameters: Mapping[str, Any] = option(
        factory=dict, help="over the model's defaults: epoch, max_input_length, ...; instruction_tuned is 'True'"
    )
    instance_type: str | None = option(None, help="such as 'ml.g5.12xlarge'", affects_results=False)
    instance_count: int = option(1, help="instances of the job", affects_results=False, validator=_at_least_one)
    volume_size: int | None = option(
        None, help="GiB of disk", affects_results=False, validator=validators.optional(_at_least_one)
    )
    max_run: int | None = option(
        None,
        help="seconds after which SageMaker stops the job",
        affects_results=False,
        validator=validators.optional(_at_least_one),
    )
    spot: bool = option(False, help="run on spot instances; give max_run and max_wait with it", affects_results=False)
    max_wait: int | None = option(
        None,
        help="seconds to wait for spot instances and run on them, in all",
        affects_results=False,
        validator=validators.optional(_at_least_one),
    )
    disable_output_compression: bool = option(
        True, help="leave the model as files, which an endpoint loads faster than an archive", affects_results=False
    )
    timeout: float | None = option(
        None,
        help="seconds this program waits for the job; by default as long as the job may run, and six hours for instances",
        affects_results=False,
        validator=validators.optional(validators.gt(0)),
    )
    poll_seconds: float = option(
        20.0, help="seconds between two looks at the job", affects_results=False, validator=validators.gt(0)
    )

    def __attrs_post_init__(self) -> None:
        """Bring the hyperparameters into the form of text, in which JumpStart takes them, and check the rest.

        Raises:
            ValueError: A value that is no plain one, or options that do not go together.
        """
        texts = {name: _text(name, value) for name, value in self.hyperparameters.items()}
        object.__setattr__(self, "hyperparameters", texts)
        if texts.get("instruction_tuned", "True") != "True":
            message = "the trainer 'jumpstart' does instruction tuning: leave out instruction_tuned, or say 'True'"
            raise ValueError(message)
        if texts.get("chat_dataset", "False") != "False":
            message = "the trainer 'jumpstart' trains on instructions, not on dialogues: leave out chat_dataset"
            raise ValueError(message)
        if self.spot and (self.max_run is None or self.max_wait is None or self.max_wait < self.max_run):
            message = "spot needs max_run, and a max_wait that is at least as long"
            raise ValueError(message)
        if self.max_wait is not None and not self.spot:
            message = "max_wait is for spot instances: say spot=True with it"
            raise ValueError(message)

    def check(
        self,
        base: BaseModel,
        prompts: Mapping[str, PromptTemplate],
        settings: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Check the prompts.

        Raises:
            UserError: JumpStart cannot train on one.
        """
        for name, template in prompts.items():
            check_template(name, template)

    def check_online(self, base: BaseModel, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Check the model and its hyperparameters where JumpStart can be reached.

        Raises:
            UserError: What cannot run.
        """
        from llmops_plugins.sagemaker.jumpstart.check import check_training

        check_reachable(lambda: check_training(_aws(settings), base, self.hyperparameters), base)

    def preflight(self, base: BaseModel, settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
        """Yield what must hold before a job is begun: role, bucket, quota."""
        from llmops_plugins.sagemaker.preflight import Guards

        guards = Guards(settings)
        yield from guards.account()
        yield guards.training_quota(base, self.instance_type or "", self.instance_count, spot=self.spot)


def check_template(name: str, template: PromptTemplate) -> None:
    """Check that JumpStart trains on the very text that is asked.

    JumpStart's instruction tuning puts its own response key between prompt and completion. A template with another one
    would be trained with JumpStart's, and asked with its own.

    Raises:
        SpecError: It has another one, or is a chat.
    """
    if isinstance(template, TextTemplate) and template.response_key == RESPONSE_KEY:
        return
    has = f"response_key {template.response_key!r}" if isinstance(template, TextTemplate) else "chat messages"
    message = (
        f"JumpStart trains every prompt with the response key {RESPONSE_KEY!r}, and prompt {name!r} has {has}:"
        " use 'alpaca', or a template with that response_key"
    )
    raise SpecError(message)


def check_reachable(check: Any, base: BaseModel) -> None:
    """Run a check that needs JumpStart; where it cannot be reached, note that it is made later."""
    from llmops_plugins.sagemaker.jumpstart.spec import UnreachableError

    try:
        check()
    except UnreachableError as exc:
        _warn(f"model {base.source!r} cannot be checked now, and will be before anything is created: {exc}")


@lru_cache(maxsize=16)
def _warn(text: str) -> None:
    """Warn once of what trainer and deployer find alike."""
    _log.warning("%s", text)


def _aws(settings: Mapping[str, Mapping[str, Any]]) -> Any:
    from llmops_plugins.sagemaker.aws.account import Aws

    return Aws(SageMakerSettings.from_mapping(settings.get(PLUGIN, {})))


def check_serving(base: BaseModel, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that JumpStart serves a base model, where it can be reached.

    Raises:
        UserError: It does not, or a licence is not accepted.
    """
    from llmops_plugins.sagemaker.jumpstart.check import check_model

    check_reachable(lambda: check_model(_aws(settings), base), base)


def _text(name: str, value: Any) -> str:
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    message = f"hyperparameter {name!r} must be text, a number, or True or False, not {value!r}"
    raise ValueError(message)
