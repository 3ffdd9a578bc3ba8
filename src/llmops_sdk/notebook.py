"""What notebooks show in place of text: `pipeline/notebook.py` writes it, and is loaded when a notebook first asks."""

from __future__ import annotations

from importlib import import_module


class Shown:
    """A class whose values a notebook shows as a small page."""

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        """Return the page, or None to show the text of `repr`; called by Jupyter, VS Code and other notebooks."""
        html: str | None = import_module("llmops_sdk.pipeline.notebook").to_html(self)
        return html
