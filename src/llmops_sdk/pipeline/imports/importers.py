"""Choosing the importer that reads a file, and giving it its options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.errors import DataError, PluginError, SpecError, UserError
from llmops_sdk.plugin.cards import ImporterCard
from llmops_sdk.plugin.context import Context
from llmops_sdk.plugin.interfaces import Importer
from llmops_sdk.plugin.isolation import PLUGIN_FAILURES, describe_failure, prints_to_stderr
from llmops_sdk.plugin.registry import Offer, Registry
from llmops_sdk.values.imports import ImportedResults, ImportedRow


@attrs.define
class Importers:
    """The importers of one comparison.

    Attributes:
        registry: The plugins.
        named: The importer that the user names; empty to find one for each file.
        options: Options of importers, by name; each importer gets those that it has.
        used: The options that something has used.
    """

    registry: Registry
    named: str
    options: Mapping[str, Any]
    used: set[str] = attrs.field(factory=set)

    def read(self, path: Path, context: Context) -> Iterator[ImportedResults]:
        """Yield the results in a file or folder.

        Args:
            path: Where it is.
            context: What its importer gets.

        Raises:
            UserError: No importer recognizes it, or two do; or it cannot be used.
        """
        offer = self.registry.offer("importer", self.named) if self.named else self._recognize(path)
        card = offer.card
        importer = self._make(card.name)
        with _calls(card.name):
            results = iter(importer.read(context, path))
        yield from _results_of(results, card.name)

    def check_used(self, readers: str) -> None:
        """Check that each option was of use.

        Args:
            readers: The end of the message: where the options are listed.

        Raises:
            SpecError: One was not.
        """
        unused = next((name for name in self.options if name not in self.used), None)
        if unused is not None:
            message = f"no source has the option {unused!r}; {readers}"
            raise SpecError(message)

    def _make(self, name: str) -> Importer:
        known = {field.name for field in attrs.fields(self.registry.card(ImporterCard, name).options)}
        own = {option: value for option, value in self.options.items() if option in known}
        self.used |= own.keys()
        importer: Importer = self.registry.make("importer", name, own)
        return importer

    def _recognize(self, path: Path) -> Offer:
        """Return the one importer that recognizes a file; a fallback only where no other does."""
        offers = [offer for offer in self.registry.offers("importer") if isinstance(offer.card, ImporterCard)]
        for is_fallback in (False, True):
            asked = [offer for offer in offers if _is_fallback(offer) == is_fallback and not offer.missing]
            recognized = [offer for offer in asked if self._recognizes(offer, path)]
            if len(recognized) > 1:
                names = [offer.card.name for offer in recognized]
                message = (
                    f"{str(path)!r} may be of {' and of '.join(map(repr, names))}; name the importer with --as "
                    f"{' or --as '.join(names)}"
                )
                raise DataError(message)
            if recognized:
                return recognized[0]
        kind = "folder" if path.is_dir() else "file"
        known = ", ".join(offer.card.name for offer in offers)
        missing = "".join(f"; {offer.card.name} needs: {offer.install_hint}" for offer in offers if offer.missing)
        message = f"the {kind} {str(path)!r} is of no kind that is read: {known}; name one with --as NAME{missing}"
        raise DataError(message)

    def _recognizes(self, offer: Offer, path: Path) -> bool:
        importer = self._make_plain(offer.card.name)
        with _calls(offer.card.name):
            return importer.recognizes(path)

    def _make_plain(self, name: str) -> Importer:
        """Make an importer to ask whether it recognizes a file: options that do not fit it are no concern yet."""
        importer: Importer = self.registry.make("importer", name, {})
        return importer


def _is_fallback(offer: Offer) -> bool:
    return isinstance(offer.card, ImporterCard) and offer.card.is_fallback


def _results_of(results: Iterator[ImportedResults], name: str) -> Iterator[ImportedResults]:
    """Yield results; what the importer raises on the way is reported with its name."""
    while True:
        with _calls(name):
            each = next(results, None)
        if each is None:
            return
        yield attrs.evolve(each, rows=_rows_of(iter(each.rows), name))


def _rows_of(rows: Iterator[ImportedRow], name: str) -> Iterator[ImportedRow]:
    try:
        yield from rows
    except UserError:
        raise
    except PLUGIN_FAILURES as exc:
        if isinstance(exc, GeneratorExit):
            raise
        raise _failed(name, exc) from exc


@contextmanager
def _calls(name: str) -> Iterator[None]:
    """Report what an importer raises with its name; an error for the user passes."""
    try:
        with prints_to_stderr():
            yield
    except UserError:
        raise
    except PLUGIN_FAILURES as exc:
        raise _failed(name, exc) from exc


def _failed(name: str, error: BaseException) -> PluginError:
    return PluginError(f"importer {name!r} failed: {describe_failure(error)}")
