"""Datasets on disk, and records rendered through prompt templates."""
