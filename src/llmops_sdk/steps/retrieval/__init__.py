"""Retrieval in the `prepare` step: what each record's prompt adds is found once, and written beside the records."""
