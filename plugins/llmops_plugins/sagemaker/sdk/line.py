"""What the two lines of the SageMaker SDK have in common: a pipeline of `@step` functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Parts:
    """The classes of the SDK that make a pipeline. They have the same arguments in both lines.

    Attributes:
        step: The decorator.
        get_step: Returns the step of a decorated call.
        pipeline: The class of a pipeline.
        parameter: The class of a text parameter.
        execution_id: The variable that holds the id of the execution.
        retry: The module of retry policies.
    """

    step: Any
    get_step: Any
    pipeline: Any
    parameter: Any
    execution_id: Any
    retry: Any


class Line(ABC):
    """One line of the SDK, 2.x or 3.x. Nothing of it is imported before the first call.

    Attributes:
        entry_point: The module that a container runs to call a `@step` function.
        config_module: The module that reads the user's config.
        session_module: The module with the class of sessions.
    """

    entry_point: str
    config_module: str
    session_module: str

    @abstractmethod
    def load(self) -> None:
        """Import it once, quietly and without its side effects.

        It sends no telemetry, asks STS at the address that boto3 uses (`AWS_ENDPOINT_URL` counts), and validates its
        configuration without validating the schema itself each time, which takes 70 ms.
        """

    @abstractmethod
    def parts(self) -> Parts:
        """Return the classes of a pipeline."""

    def config(self, s3: Any) -> dict[str, Any]:
        """Return the user's config, validated.

        Args:
            s3: The S3 resource of boto3, for a config that is in S3.
        """
        self.load()
        return dict(import_module(self.config_module).load_sagemaker_config(s3_resource=s3))

    def session(self, *, boto_session: Any, sagemaker_client: Any, sagemaker_config: dict[str, Any]) -> Any:
        """Return a session of the SDK."""
        self.load()
        return import_module(self.session_module).Session(
            boto_session=boto_session, sagemaker_client=sagemaker_client, sagemaker_config=sagemaker_config
        )
