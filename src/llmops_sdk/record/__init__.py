"""The run record: stores, runs, locks."""
