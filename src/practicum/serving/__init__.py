"""Answering requests: an engine that batches them, and the server in front of it."""
