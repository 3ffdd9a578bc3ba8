"""Asking over HTTP: connections, the limits of an answer, keys, and the masking of secrets."""
