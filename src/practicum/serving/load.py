"""What an engine does now, and what it has done since its start."""

from dataclasses import dataclass


@dataclass(kw_only=True)
class Counts:
    """What is counted since the start."""

    asked: int = 0
    finished: int = 0
    cancelled: int = 0  # or given up
    put_off: int = 0  # times that memory was short
    prompt_tokens: int = 0
    shared_tokens: int = 0  # of these, read before for another
    said_tokens: int = 0
    drafted: int = 0  # tokens that were guessed beforehand
    drafted_rightly: int = 0  # of those said, written without a step of their own
    steps: int = 0


@dataclass(kw_only=True)
class Load(Counts):
    """What an engine does now, beside what it has done: a copy, of one moment."""

    waiting: int  # questions
    reading: int
    writing: int
    blocks: int
    blocks_used: int
    blocks_remembered: int  # nobody's, but known as the beginning of a prompt
