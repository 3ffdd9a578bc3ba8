"""Specifications: what a user asks for, as values, as data and as files."""
