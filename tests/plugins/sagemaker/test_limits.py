"""AWS's limits on texts that users choose: the messages, and that they are those of AWS's own service model."""

from __future__ import annotations

from typing import Any

import pytest

from llmops_plugins.sagemaker import limits
from llmops_plugins.sagemaker.limits import (
    LONGEST_STEP_NAME,
    check_hyperparameters,
    check_job,
    check_job_environment,
    shortened,
)
from llmops_sdk import SpecError


def job(arguments: list[Any], **variables: Any) -> dict[str, Any]:
    return {"AlgorithmSpecification": {"ContainerArguments": arguments}, "Environment": variables}


def test_a_text_within_the_limit_is_unchanged() -> None:
    """Names that fit stay readable."""
    assert "a" * LONGEST_STEP_NAME == shortened("a" * LONGEST_STEP_NAME, LONGEST_STEP_NAME)


def test_texts_that_are_cut_stay_different() -> None:
    """They end with a hash of the complete text."""
    first, second = (shortened("a" * 100 + end, LONGEST_STEP_NAME) for end in "xy")

    assert LONGEST_STEP_NAME == len(first) == len(second)
    assert first != second


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MY-VAR": "1"}, "environment variable 'MY-VAR': SageMaker allows letters, digits and _ in names"),
        ({"1ST": "1"}, "environment variable '1ST': SageMaker allows"),
        ({"": "1"}, "environment variable '': SageMaker allows"),
        ({"A": "x" * 513}, "the value of environment variable 'A' has 513 characters: SageMaker allows 512"),
        ({"A" * 513: "x"}, "has 513 characters: SageMaker allows 512"),
        ({f"A{n}": "x" for n in range(101)}, "there are 101 environment variables: SageMaker allows 100"),
    ],
)
def test_variables_that_sagemaker_refuses(variables: dict[str, str], message: str) -> None:
    """The message names the variable and the limit, never the value."""
    with pytest.raises(ValueError, match="SageMaker allows") as caught:
        check_job_environment(variables)

    assert message in str(caught.value)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ({"a": "x" * 2501}, "the value of hyperparameter 'a' has 2501 characters: SageMaker allows 2500"),
        ({"a" * 257: "x"}, "has 257 characters: SageMaker allows 256"),
        ({"a": "x\ny"}, "the value of hyperparameter 'a' has a line break, which SageMaker does not allow"),
        ({f"a{n}": "x" for n in range(101)}, "there are 101 hyperparameters: SageMaker allows 100"),
    ],
)
def test_hyperparameters_that_sagemaker_refuses(hyperparameters: dict[str, str], message: str) -> None:
    """The message names the hyperparameter and the limit."""
    with pytest.raises(ValueError, match="SageMaker") as caught:
        check_hyperparameters(hyperparameters)

    assert message in str(caught.value)


def test_a_job_within_the_limits_is_accepted() -> None:
    """Expressions of the pipeline are resolved by SageMaker, and not checked here."""
    check_job(job(["x" * 256, {"Get": "Execution.PipelineExecutionId"}], A="1", B={"Get": "Parameters.B"}), "step 's'")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (job(["x" * 257]), "step 's' has a container argument of 257 characters"),
        (job(["x"] * 101), "step 's' has 101 container arguments: SageMaker allows 100"),
        (job([], **{"MY-VAR": "1"}), "step 's': environment variable 'MY-VAR'"),
    ],
)
def test_a_job_that_sagemaker_refuses(request_: dict[str, Any], message: str) -> None:
    """The message names the step."""
    with pytest.raises(SpecError) as caught:
        check_job(request_, "step 's'")

    assert message in str(caught.value)


def test_the_limits_are_those_of_the_service_model() -> None:
    """boto3's description of the API has the same numbers and patterns."""
    session = pytest.importorskip("botocore.session")
    model = session.Session().get_service_model("sagemaker")
    inputs = model.operation_model("CreateTrainingJob").input_shape.members
    steps = model.operation_model("ListPipelineExecutionSteps").output_shape.members["PipelineExecutionSteps"].member
    tag = inputs["Tags"].member.members
    arguments = inputs["AlgorithmSpecification"].members["ContainerArguments"]

    assert limits.LONGEST_STEP_NAME == steps.members["StepName"].metadata["max"]
    assert limits.LONGEST_DISPLAY_NAME == steps.members["StepDisplayName"].metadata["max"]
    assert limits.LONGEST_ARGUMENT == arguments.member.metadata["max"]
    assert limits._MOST_ARGUMENTS == arguments.metadata["max"]
    assert limits._LONGEST_TAG == tag["Key"].metadata["max"]
    assert limits._LONGEST_TAG_VALUE == tag["Value"].metadata["max"]
    assert r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)" == tag["Value"].metadata["pattern"]
    assert limits._LONGEST_VARIABLE == inputs["Environment"].value.metadata["max"]
    assert limits._VARIABLE.pattern == inputs["Environment"].key.metadata["pattern"]
    assert limits._MOST_VARIABLES == inputs["Environment"].metadata["max"]
    assert limits._LONGEST_HYPERPARAMETER_VALUE == inputs["HyperParameters"].value.metadata["max"]
