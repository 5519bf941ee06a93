"""What the sandbox's process gives up before any program runs, and cannot take back.

In this order: its view of the machine (namespaces, `sandbox_root`), resources, its user where it is
root, capabilities, the file system (Landlock, where namespaces are not permitted) and all system
calls but those listed in `system_calls`. Programs are forks of it and inherit all of it.
"""

import os
import resource
import signal
import socket
from contextlib import suppress
from typing import Any

from practicum.symbolic import landlock, linux, sandbox_root, seccomp, system_calls
from practicum.symbolic.sandbox_folder import remove

_LIMITS = {  # that hold for the keeper too
    "RLIMIT_CORE": 0, "RLIMIT_MEMLOCK": 0, "RLIMIT_MSGQUEUE": 0, "RLIMIT_SIGPENDING": 256,
    "RLIMIT_RTPRIO": 0, "RLIMIT_NICE": 0, "RLIMIT_NOFILE": 128,
}  # fmt: skip
_ROOM = 1000  # tasks that a user may come to have beside a program's


def enter(asked: dict[str, Any]) -> tuple[bool, int]:
    """New namespaces; a child goes on as their first process, and this one waits to clear up.

    Returns whether the caller is root, and how many processes count beside a program's own. Raises
    OSError where namespaces are not permitted.
    """
    root = os.geteuid() == 0
    if asked["namespaces"]:
        sandbox_root.leave()
    child = os.fork()
    if child:
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        linux.close_from(3)
        os.waitpid(child, 0)
        _end_orphans()
        if asked["folder"]:  # which the child cannot remove, and the caller may be gone
            with suppress(OSError):
                remove(asked["folder"])
        os._exit(0)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    return root, 1 if root else 2


def room() -> int:
    """A limit of tasks for where all that a user has count: room for a thousand more, at least.

    It is found by trying, since a container does not see what its user has elsewhere.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    most, end = _ROOM, hard if hard != resource.RLIM_INFINITY else 2**22
    while most < end:
        resource.setrlimit(resource.RLIMIT_NPROC, (most, hard))
        try:
            child = os.fork()
        except BlockingIOError:  # the user has as many
            most *= 2
            continue
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        break
    resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    return most + _ROOM


def lock(asked: dict[str, Any], *, root: bool) -> dict[str, bool]:
    """Give up the rest; returns which layers hold. Raises OSError with what could not be done."""
    paths, folder = sandbox_root.readable(), asked["folder"]
    if asked["namespaces"]:
        socket.sethostname("sandbox")
        sandbox_root.build(paths, asked["folder_bytes"], asked["folder_files"])
        folder = sandbox_root.FOLDER
    os.chdir(folder)
    for name, value in _LIMITS.items():
        hard = resource.getrlimit(getattr(resource, name))[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(getattr(resource, name), (most, most))
    nobody = root and _become_nobody(asked["namespaces"])
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)  # forgotten when the user changed
    linux.prctl(linux.PR_SET_DUMPABLE, 0)  # programs may not look into its files and memory
    locked = asked["landlock"] and landlock.version() >= landlock.ABLE
    if locked:
        landlock.restrict(paths, sandbox_root.DEVICES, folder)
    filtered = asked["seccomp"] and _filtered()
    if not filtered:
        linux.forget_keys()
    os.environ.update(HOME=folder, TMPDIR=folder)
    return {"landlock": locked, "seccomp": filtered, "nobody": nobody}


def _filtered() -> bool:
    if linux.MACHINE not in seccomp.KNOWN_MACHINES:
        return False
    names = system_calls.numbers(linux.MACHINE)
    try:
        seccomp.allowing(names, system_calls.ALWAYS).install()
    except OSError:  # a kernel without filters
        return False
    return True


def _become_nobody(mapped: bool) -> bool:
    """From root to a user that owns nothing; False where only root can read this Python."""
    nobody = sandbox_root.NOBODY
    if not mapped:
        if not _all_may_read(os.__file__):
            return False
        os.chown(".", nobody, nobody)
    os.setgroups([])
    os.setresgid(nobody, nobody, nobody)
    os.setresuid(nobody, nobody, nobody)
    if not os.access(os.__file__, os.R_OK):
        raise PermissionError(f"user {nobody} cannot read {os.path.dirname(os.__file__)}")
    return True


def _all_may_read(path: str) -> bool:
    """Whether everybody may read this file: by its own mode and by those of all folders above."""
    modes = [os.stat(path).st_mode | 0o1]
    while path != "/":
        path = os.path.dirname(path)
        modes.append(os.stat(path).st_mode)
    return all(mode & 0o5 == 0o5 for mode in modes)


def children() -> int:
    """The open list of this process's children, while it can be opened; -1 where it cannot."""
    try:
        return os.open("/proc/thread-self/children", os.O_RDONLY)
    except OSError:
        return -1


def _end_orphans() -> None:
    """Kill what outlived the keeper, as the system may have ended that first."""
    listed = children()
    with suppress(ChildProcessError):
        while listed != -1:
            end_strays(listed)
            os.waitpid(-1, 0)


def end_strays(listed: int) -> None:
    """Kill what a program left, where neither a namespace nor a filter kept it from leaving it.

    `listed` is what `children` gave.
    """
    if listed == -1:
        return
    os.lseek(listed, 0, os.SEEK_SET)
    for process in os.read(listed, 65536).split():
        with suppress(ProcessLookupError):
            os.kill(int(process), signal.SIGKILL)
