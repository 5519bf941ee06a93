"""Landlock: a process takes the file system away from itself, no privilege needed (landlock(7)).

Allowed are reading below some paths and everything but device nodes in one folder. It does not hide
that a file exists, and does not watch modes, owners and times; a filter on system calls does that.
"""

import os
import struct
from collections.abc import Iterable

from practicum.symbolic.linux import PR_SET_NO_NEW_PRIVS, call, prctl

CREATE, ADD, RESTRICT = 444, 445, 446  # system calls, on every processor
ABLE = 3  # the first version that watches truncation (Linux 6.2)
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_DEVICES = 1 << 6 | 1 << 9 | 1 << 11  # making character devices, sockets, block devices
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_ALL_FILE_RIGHTS = {3: (1 << 15) - 1, 5: (1 << 16) - 1}  # since which version


def version() -> int:
    """The kernel's version of Landlock; 0 where it has none."""
    try:
        return call("landlock", CREATE, None, 0, 1)
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str], folder: str) -> None:
    """From now on read only below `readable`, write only the files `writable` and in `folder`.

    TCP, abstract sockets and signals to processes outside are refused too where the kernel's
    version has that. Raises OSError where the kernel's Landlock is older than version 3.
    """
    able = version()
    if able < ABLE:
        raise OSError(f"Landlock is at version {able}, needed is {ABLE} (Linux 6.2)")
    rights = _ALL_FILE_RIGHTS[5 if able >= 5 else 3]
    network = 0b11 if able >= 4 else 0  # binding and connecting
    scopes = 0b11 if able >= 6 else 0  # abstract sockets, signals
    known = 24 if able >= 6 else 16 if able >= 4 else 8  # bytes of the description
    wanted = struct.pack("=QQQ", rights, network, scopes)[:known]
    rules = call("landlock rules", CREATE, wanted, len(wanted), 0)
    for path in readable:
        _allow(rules, path, _EXECUTE | _READ | _LIST)
    for path in writable:
        _allow(rules, path, _READ | _WRITE)
    _allow(rules, folder, rights & ~(_EXECUTE | _DEVICES | _IOCTL))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    call("landlock", RESTRICT, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= ~_LIST
    call(f"landlock {path}", ADD, rules, 1, struct.pack("=Qi", rights, place), 0)
    os.close(place)
