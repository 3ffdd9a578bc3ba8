"""The options of JumpStart models: what `build()` refuses, with and without a network."""

from __future__ import annotations

import logging

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.endpoint.options import SageMakerEndpointOptions
from llmops_plugins.sagemaker.jumpstart.options import JumpStartTrainingOptions
from llmops_sdk import Pipeline, SpecError
from llmops_sdk.plugin import BaseModel, Billing
from llmops_sdk.plugin.registry import Registry

from ..fixtures import MODEL_ID, Cloud, Edit
from .pipelines import pipeline, tuned

pytestmark = pytest.mark.usefixtures("jumpstart")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (pipeline("llama-2-7b"), "it is under Meta's Llama 2 licence: read it, and set accept_eula=True"),
        (pipeline(accept_eula=False), f"JumpStart's '{MODEL_ID}' is gated: read its licence"),
        (pipeline(accept_eula=False, fine_tune=False), f"JumpStart's '{MODEL_ID}' is gated: read its licence"),
        (pipeline(model_id="meta-textgeneration-lama-2-7b"), f"in us-east-1; did you mean '{MODEL_ID}'?"),
        (pipeline(version="3.*"), "has no version '3.*'; available: 2.0.4, 4.0.0"),
        (pipeline(version="latest"), "'version' must match regex"),
        (pipeline(version="2.*"), "the training code of JumpStart's 'meta-textgeneration-llama-2-7b' 2.0.4 is known to"),
        (tuned(epocs="1"), "hyperparameters of meta-textgeneration-llama-2-7b 4.0.0: there is no 'epocs'; did you mean 'epoch'?"),
        (tuned(epoch="0"), "'epoch' must be at least 1, not '0'"),
        (tuned(epoch=1001, learning_rate=2), "'epoch' must be at most 1000, not '1001'; 'learning_rate' must be at most 1, not '2'"),
        (tuned(epoch="1.5"), "'epoch' must be a whole number, not '1.5'"),
        (tuned(learning_rate="fast"), "'learning_rate' must be a number, not 'fast'"),
        (tuned(int8_quantization="yes"), "'int8_quantization' must be one of True, False, not 'yes'"),
        (tuned(epoch=[1]), "hyperparameter 'epoch' must be text, a number, or True or False, not [1]"),
        (tuned(instruction_tuned="False"), "does instruction tuning: leave out instruction_tuned, or set it to 'True'"),
        (tuned(chat_dataset=True), "trains on instructions, not on dialogues"),
        (pipeline(trainer={"spot": True}), "spot needs max_run, and a max_wait of at least max_run"),
        (pipeline(trainer={"spot": True, "max_run": 9, "max_wait": 8}), "spot needs max_run, and a max_wait"),
        (pipeline(trainer={"spot": True, "max_run": 9, "max_wait": 9, "warm_pool": 60}), "keeps no warm pool of spot instances: leave out spot"),
        (pipeline(trainer={"warm_pool": 3601}), "'warm_pool' must be <= 3600"),
        (pipeline(trainer={"max_wait": 8}), "max_wait is for spot instances"),
        (pipeline().with_prompt("plain"), "and prompt 'plain' has response_key '': use 'alpaca'"),
        (pipeline().with_prompt("alpaca").with_prompt("chat"), "and prompt 'chat' has chat messages: use 'alpaca'"),
        (pipeline(deployer="existing-endpoint"), "serves sagemaker-endpoint models, and this one has the format 'jumpstart-artifact'"),
    ],
)  # fmt: skip
def test_build_refuses_models_that_cannot_be_trained(
    wrong: Pipeline, message: str, registry: Registry, cloud: Cloud
) -> None:
    """The error is one line, before anything is read or created."""
    with pytest.raises(SpecError) as caught:
        wrong.build(registry)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [] == cloud.created


def test_without_aws_the_model_is_checked_later(
    cloud: Cloud, registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A laptop without a network can still plan; the check is made before the job is created."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE")

    with caplog.at_level(logging.WARNING, "llmops.sagemaker"):
        tuned(epocs="1").build(registry)

    warning = f"model '{MODEL_ID}' cannot be checked now; it is checked before anything is created: "
    assert 1 == caplog.text.count(warning), "trainer and deployer make the same check"
    assert "AWS cannot be reached" in caplog.text
    assert [] == cloud.calls


def test_an_offline_run_and_a_rehearsal_send_no_request(
    cloud: Cloud, registry: Registry, jumpstart: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelt hyperparameter is found only when JumpStart can be asked."""
    del jumpstart
    with pytest.raises(SpecError, match="there is no 'epocs'"):
        tuned(epocs="1").build(registry)
    before = len(cloud.calls)
    tuned(epocs="1").build(registry, offline=True)
    tuned(epocs="1").with_executor("sagemaker-rehearsal").build(registry)

    assert before == len(cloud.calls)
    assert "" == caplog.text


def test_the_hours_of_instances_are_billed() -> None:
    """As many as there are, at most as long as the job may run; the type that JumpStart chooses is not known."""
    training = JumpStartTrainingOptions(instance_type="ml.g5.12xlarge", instance_count=2, max_run=3600)
    base = BaseModel("jumpstart", MODEL_ID)

    assert Billing("hours", "ml.g5.12xlarge", 2, most_seconds=3600) == training.billing(base)
    assert Billing("hours") == SageMakerEndpointOptions().billing(base)
