"""The name of a new package: what follows from it, and which names cannot be used."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

import attrs

from llmops_sdk.errors import UserError
from llmops_sdk.plugin.cards import CardKind
from llmops_sdk.plugin.registry import Registry

LONGEST = 30
"""The most characters of a name."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@attrs.frozen
class PackageNames:
    """What a package and its parts are called.

    Attributes:
        card: What specifications call it: `tone-of-voice`.
    """

    card: str

    @property
    def snake(self) -> str:
        """The name as part of Python names: `tone_of_voice`."""
        return self.card.replace("-", "_")

    @property
    def module(self) -> str:
        """The package that is imported."""
        return f"llmops_{self.snake}"

    @property
    def distribution(self) -> str:
        """The package that is installed, and its folder."""
        return f"llmops-{self.card}"

    @property
    def cls(self) -> str:
        """The class of the implementation: `ToneOfVoice`."""
        return "".join(word.capitalize() for word in self.card.split("-"))

    @property
    def title(self) -> str:
        """As people read it: `Tone of voice`."""
        return self.card.replace("-", " ").capitalize()


def package_names(text: str, kinds: Iterable[CardKind]) -> PackageNames:
    """Return the names of a package.

    Args:
        text: What the user typed: lower-case words joined by hyphens or underscores.
        kinds: The kinds of its cards.

    Raises:
        UserError: It is no name, a word of Python, or the name of a card or plugin that is installed.
    """
    name = check_name(text)
    if name.startswith("llmops-"):
        message = f"leave out 'llmops-': the package of {name.removeprefix('llmops-')!r} is called {name!r}"
        raise UserError(message)
    _check_free(name, kinds)
    return PackageNames(name)


def check_name(text: str) -> str:
    """Return a name with hyphens for underscores.

    Raises:
        UserError: It is no name, or a word of Python.
    """
    name = text.replace("_", "-")
    if not _NAME.fullmatch(name):
        proposal = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text).lower()).strip("-0123456789")
        hint = f", such as {proposal!r}" if _NAME.fullmatch(proposal) else ""
        message = f"a name is lower-case words joined by hyphens{hint}, not {text!r}"
        raise UserError(message)
    if len(name) > LONGEST:
        message = f"a name has at most {LONGEST} characters, and {name!r} has {len(name)}"
        raise UserError(message)
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        message = (
            f"{name!r} is a word of Python, which a module cannot be called: add another word, such as 'my-{name}'"
        )
        raise UserError(message)
    return name


def _check_free(name: str, kinds: Iterable[CardKind]) -> None:
    registry = Registry.load()
    for kind in kinds:
        owner = next((offer.plugin.owner for offer in registry.offers(kind) if offer.card.name == name), "")
        if owner:
            message = (
                f"{owner} has the {kind} {name!r} already, which would be used: take another name, such as 'my-{name}'"
            )
            raise UserError(message)
    plugin = next((plugin for plugin in registry.plugins if plugin.name == name), None)
    if plugin is not None:
        message = f"{plugin.owner} is called {name!r} already: take another name, such as 'my-{name}'"
        raise UserError(message)
