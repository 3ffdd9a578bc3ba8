"""What was retrieved for a record: documents, how prompts show them, and what of the test split must not be found."""
