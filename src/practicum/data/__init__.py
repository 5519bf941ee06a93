"""Corpora, assets, token shards, windows and the order in which examples are drawn."""
