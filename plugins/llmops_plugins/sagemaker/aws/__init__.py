"""The AWS account: sessions, errors, polling."""
