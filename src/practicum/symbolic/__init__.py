"""Exact machinery, nothing learned: games and their search, and a sandbox for programs."""
