"""Weather reports whose reference keeps the first two sentences."""

from __future__ import annotations

from collections.abc import Iterator

from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits, write_splits

PLACES = ("Ardmore", "Bexley", "Corran", "Duntulm", "Eccles")
SKIES = ("clear", "grey", "bright after rain", "low and wet")


class Weather(DatasetSource):
    """Makes each report from a place and a sky."""

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits."""
        return write_splits(context.folder, self._rows, test_fraction=0.5, seed=self.options.seed)

    def _rows(self) -> Iterator[dict[str, str]]:
        for number in range(self.options.records):
            place, sky = PLACES[number % len(PLACES)], SKIES[number % len(SKIES)]
            lead = f"Day {number} in {place} had a {sky} sky. The wind was force {number % 9}."
            rest = "Nobody was out early. The ferry left on time. The evening was quiet."
            yield {"instruction": "Shorten the report.", "context": f"{lead} {rest}", "response": lead}
