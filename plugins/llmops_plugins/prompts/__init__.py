"""Prompt templates: alpaca, plain, chat, and templates of the user."""
