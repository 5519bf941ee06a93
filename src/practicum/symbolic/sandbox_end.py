"""How a program ended, told from what its keeper saw: the kind, and the reason in one line."""

import json
import os
import signal
from typing import Any, Literal

from practicum.symbolic.sandbox_lane import Ended

Kind = Literal["passed", "failed", "timed out", "out of memory", "too much output", "killed"]
_FULL = 0.8  # a program killed with this share of its memory in use ran out of it


def told(ended: Ended, *, seconds: float, cpu: int, memory: int, output: int) -> tuple[Kind, str]:
    """The kind and the reason, under these limits. Only a program that passed has no reason."""
    if ended.cause == "time":
        return "timed out", f"more than {seconds:g} seconds"
    if ended.cause == "output":
        return "too much output", f"more than {output} bytes"
    if ended.cause:
        return "killed", "stopped by the caller"
    if os.WIFSIGNALED(ended.status):
        return _killed(ended, cpu, memory)
    status = os.waitstatus_to_exitcode(ended.status)
    if status == 0:
        return "passed", ""
    error = _line(reported(ended).get("error"))
    if error.partition(":")[0] == "MemoryError":
        return "out of memory", f"more than {memory} bytes"
    return "failed", error or f"exit status {status}"


def reported(ended: Ended) -> dict[str, Any]:
    """What the program's process said of its end: `finished`, `error`; empty where it is no sense.

    The program may have written it, so it says nothing that a status could contradict.
    """
    try:
        report = json.loads(ended.report)
    except (ValueError, RecursionError):  # the latter by a thousand brackets
        return {}
    return report if isinstance(report, dict) else {}


def _line(said: object) -> str:
    """What a program said of itself as one line that can be printed; "" where it is no text."""
    words = said.split() if isinstance(said, str) else []
    return "".join(each if each.isprintable() else "\ufffd" for each in " ".join(words))


def _killed(ended: Ended, cpu: int, memory: int) -> tuple[Kind, str]:
    number = os.WTERMSIG(ended.status)
    if number in (signal.SIGKILL, signal.SIGXCPU) and ended.cpu > cpu - 0.5:
        return "timed out", f"more than {cpu} seconds of the processor"
    if ended.memory > _FULL * memory:
        return "out of memory", f"{ended.memory} of {memory} bytes in use"
    return "killed", f"{signal.strsignal(number) or 'signal'} (signal {number})"
