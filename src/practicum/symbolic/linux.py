"""Calls of the Linux kernel that Python has no name for, by ctypes; a failure is an OSError.

Numbers above 424 are the same on every processor; the few older ones stand here for the two that
the sandbox knows, x86_64 and aarch64.
"""

import ctypes
import errno
import os
import platform
import struct
from functools import cache

MACHINE = platform.machine()
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPSET = {"x86_64": 126, "aarch64": 91}
KEYCTL = {"x86_64": 250, "aarch64": 219}
CLOSE_RANGE, MOUNT_SETATTR = 436, 442

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
READ_ONLY, NO_SUID, NO_DEVICES = 1, 2, 4  # attributes of mount_setattr
_AT_FDCWD, _AT_RECURSIVE, _MNT_DETACH = -100, 0x8000, 2
_CAPABILITY_VERSION = 0x20080522


@cache
def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def call(what: str, number: int, *arguments: int | bytes | None) -> int:
    """The system call `number`; integers go as longs, bytes by their address.

    Raises OSError that begins with `what`.
    """
    values = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(libc().syscall(ctypes.c_long(number), *values), what)


def prctl(option: int, *arguments: int) -> int:
    """prctl(2) with integers; the arguments left out are zero."""
    values = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(libc().prctl(option, *values), f"prctl {option}")


def unshare(flags: int) -> None:
    """Leave the namespaces of these CLONE_NEW… flags for new ones."""
    _checked(libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2); an error names the target."""
    words = [word.encode() for word in (source, target, kind)]
    result = libc().mount(*words, ctypes.c_ulong(flags), options.encode())
    _checked(result, f"mount on {target}")


def detach(target: str) -> None:
    """umount2(2) with MNT_DETACH: out of sight at once, gone when nothing uses it."""
    _checked(libc().umount2(target.encode(), _MNT_DETACH), f"umount {target}")


def set_mount(target: str, attributes: int, *, below: bool) -> None:
    """Add attributes to the mount at `target` and, if asked, to all below it (Linux 5.12)."""
    flags = _AT_RECURSIVE if below else 0
    wanted = struct.pack("=QQQQ", attributes, 0, 0, 0)
    what = f"mount_setattr {target}"
    call(what, MOUNT_SETATTR, _AT_FDCWD, target.encode(), flags, wanted, len(wanted))


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and show the root that was at `old`."""
    call("pivot_root", PIVOT_ROOT[MACHINE], new.encode(), old.encode())


def close_from(first: int) -> None:
    """Close every file descriptor from `first` on (Linux 5.9)."""
    call("close_range", CLOSE_RANGE, first, 2**32 - 1, 0)


def forget_keys() -> None:
    """Leave the session's keyring, where a user's secrets may be, for an empty one (keyctl(2))."""
    try:
        call("keyctl", KEYCTL[MACHINE], 1, None)  # KEYCTL_JOIN_SESSION_KEYRING
    except OSError as problem:
        if problem.errno not in (errno.ENOSYS, errno.EPERM):  # no keys, or nobody may use them
            raise


def drop_capabilities() -> None:
    """Give up every capability, also those a program could have gained; none comes back."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # past the last one the kernel knows, or none to give up
            break
    prctl(PR_CAP_AMBIENT, 4)  # PR_CAP_AMBIENT_CLEAR_ALL
    header, nothing = struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24)
    call("capset", CAPSET[MACHINE], header, nothing)
