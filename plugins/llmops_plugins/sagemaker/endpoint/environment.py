"""The variables of a container: their limits, and references to secrets such as `env:HF_TOKEN`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from llmops_sdk.plugin import EndpointError, LLMOpsError, Secret

_REFERENCE = "env:"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LONGEST = 1024
_MOST = 100
_SHORTEST_SECRET = 4
_MASK = "***"


def check_environment(_options: object, _attribute: object, variables: Mapping[str, str]) -> None:
    """Refuse variables that SageMaker's CreateModel would refuse; a validator of an option.

    Raises:
        ValueError: A name or a text is not allowed, or there are too many.
        SpecError: A reference names no variable.
    """
    if len(variables) > _MOST:
        message = f"a container has at most {_MOST} variables, not {len(variables)}"
        raise ValueError(message)
    for name, text in variables.items():
        if not _NAME.fullmatch(name) or len(name) > _LONGEST:
            message = (
                f"a container's variable has a name of letters, digits and '_' that does not start with a digit, at most"
                f" {_LONGEST} characters, not {name[:100]!r}"
            )
            raise ValueError(message)
        if len(text) > _LONGEST:
            message = f"the container's variable {name!r} has {len(text)} characters; SageMaker takes {_LONGEST}"
            raise ValueError(message)
        if text.startswith(_REFERENCE):
            Secret(text)


class Environment:
    """The variables with the texts that their references stand for. They are sent to SageMaker, and recorded nowhere.

    Args:
        variables: Name and text, or a reference to a variable of this process: `env:HF_TOKEN`.

    Raises:
        SpecError: A referenced variable is not set.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        revealed = {name: Secret(text).reveal() for name, text in variables.items() if text.startswith(_REFERENCE)}
        self.variables: Mapping[str, str] = {**variables, **revealed}
        # The longest first: one may be a part of another.
        secrets = {text for text in revealed.values() if len(text) >= _SHORTEST_SECRET}
        self._secrets = sorted(secrets, key=len, reverse=True)

    def masked(self, text: str) -> str:
        """Return a text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text

    @contextmanager
    def masked_errors(self) -> Iterator[None]:
        """Remove the secrets from the errors of the block: AWS may quote a variable, and a container may log it.

        Raises:
            EndpointError: The error with a masked message.
            LLMOpsError: The same.
        """
        try:
            yield
        except LLMOpsError as exc:
            text = self.masked(str(exc))
            if text == str(exc):
                raise
            kind = EndpointError if isinstance(exc, EndpointError) else type(exc)
            raise kind(text) from None  # its cause has the secret, too
