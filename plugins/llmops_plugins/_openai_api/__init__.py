"""Servers with OpenAI's API, for several plugins. It offers no cards; every plugin may import it."""
