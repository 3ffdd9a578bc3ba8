"""The AWS account: session, polling, preflight checks."""
