"""The records of a report: read side by side, packed, and compressed for the page."""
