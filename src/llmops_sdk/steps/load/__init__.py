"""Endpoints under load: measuring them, and what the record has of it."""
