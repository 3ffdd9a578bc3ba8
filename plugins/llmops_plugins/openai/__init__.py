"""Models behind servers with OpenAI's API, hosted or on this machine."""
