"""Exact machinery, nothing learned: games and their search."""
