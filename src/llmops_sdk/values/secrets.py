"""Secrets by reference: plans, keys and logs never hold their text."""

from __future__ import annotations

import os

import attrs

from llmops_sdk.errors import SpecError


@attrs.frozen
class Secret:
    """A reference to a secret, never the secret: `env:NAME`.

    Plans, keys and logs hold the reference; the step that needs it calls `reveal`.

    Attributes:
        reference: `env:NAME`, read from the environment of the process that runs the step.
    """

    reference: str = attrs.field()

    @reference.validator
    def _check(self, _attribute: object, value: str) -> None:
        if not value.startswith("env:") or len(value) == len("env:"):
            # The text may be the secret itself: it must not reach a message or a log.
            message = "a secret is written as a reference such as 'env:HF_TOKEN', never as its text"
            raise SpecError(message)

    def reveal(self) -> str:
        """Return the secret's text.

        Raises:
            SpecError: The environment variable is not set.
        """
        name = self.reference.removeprefix("env:")
        try:
            return os.environ[name]
        except KeyError:
            message = f"the secret {self.reference!r} is not available: set the environment variable {name!r}"
            raise SpecError(message) from None
