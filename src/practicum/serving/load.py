"""What an engine does now, and what it has done since its start."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Load:
    """What an engine does now, and what it has done."""

    waiting: int  # questions
    reading: int
    writing: int
    blocks: int
    blocks_used: int
    blocks_remembered: int  # nobody's, but known as the beginning of a prompt
    asked: int  # from here on: since the start
    finished: int
    cancelled: int  # or given up
    put_off: int  # times that memory was short
    prompt_tokens: int
    shared_tokens: int  # of these, read before for another
    said_tokens: int
    drafted_rightly: int  # of these, written without a step of their own
    steps: int


@dataclass(eq=False)
class Counts:
    """What is counted since the start."""

    asked: int = 0
    finished: int = 0
    cancelled: int = 0
    put_off: int = 0
    prompt_tokens: int = 0
    shared_tokens: int = 0
    said_tokens: int = 0
    drafted_rightly: int = 0
    steps: int = 0
