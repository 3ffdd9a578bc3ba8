"""`llmops clean`: finds what a store and the cache hold that nothing needs, and frees it."""
