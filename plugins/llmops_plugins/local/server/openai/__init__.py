"""OpenAI's API: its requests, responses and streams."""
