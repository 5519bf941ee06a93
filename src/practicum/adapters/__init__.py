"""Changing the structure of a built model: more tokens, other modules, and back again."""
