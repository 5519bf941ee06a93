"""Which process a running run belongs to, and whether that process still lives."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process. `born` tells it from a later one that was given the same number."""

    pid: int
    host: str
    born: str  # in the kernel's ticks since the machine started; empty where it does not say

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_process() -> Owner:
    """The process that asks."""
    return Owner(pid=os.getpid(), host=socket.gethostname(), born=_born(os.getpid()))


def is_alive(owner: Owner) -> bool | None:
    """Whether the process still runs; None when it is on another machine and cannot be asked."""
    if owner.host != socket.gethostname():
        return None
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives, and belongs to somebody else
        return True
    return _born(owner.pid) == owner.born


def _born(pid: int) -> str:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    state, *fields = status.rpartition(")")[2].split()  # the name before it may hold spaces
    return "" if state == "Z" else fields[18]  # a zombie has already died
