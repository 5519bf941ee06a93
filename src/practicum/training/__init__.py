"""Changing weights over time: the loop, optimisers, schedules, checkpoints."""
