"""Namespaces for a sandbox: users, processes, network and mounts of its own, and a root of its own.

The new root is a memory file system that shows Python's library and the C libraries, read-only,
three harmless devices and one writable folder. There is no /proc, no /home, no /etc. Nothing of it
asks for privileges where the system lets users make namespaces.
"""

import os
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress

from practicum.symbolic import linux

NOBODY = 65534
FOLDER = "/program"  # where a program runs; /tmp and /dev/shm lead there too
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
_NEW = (
    linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWCGROUP
)  # fmt: skip


def readable() -> list[str]:
    """What a program may read: this Python, the C libraries, time zones; no site-packages."""
    prefix = os.path.join(sys.base_prefix, "lib")
    paths = {prefix, os.path.realpath(sys.executable), *_SYSTEM, *_mapped()}
    paths |= {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib")}
    found = {path for path in paths | set(map(os.path.realpath, paths)) if os.path.exists(path)}
    chosen: list[str] = []
    for path in sorted(found):  # what lies in a folder comes after it and is seen through it
        if not any(path.startswith(above + "/") for above in chosen):
            chosen.append(path)
    return chosen


def _mapped() -> set[str]:
    """The libraries this process has loaded, wherever a system keeps them."""
    with open("/proc/self/maps") as maps:
        words = [line.split(None, 5) for line in maps]
    return {row[5].strip() for row in words if len(row) == 6 and ".so" in row[5]}


def leave() -> bool:
    """Enter new namespaces; true where `nobody` is another user than the caller, as for root.

    The process keeps its privileges within them, and its next child is their process 1. Raises
    OSError where the system does not permit it.
    """
    user, group = os.geteuid(), os.getegid()
    ready, go = os.pipe()
    helper = os.fork()
    if helper == 0:  # maps are written from outside, the only place where two users can be mapped
        code = 1
        with suppress(OSError):
            os.close(go)
            if os.read(ready, 1):
                _map_users(os.getppid(), user, group)
                code = 0
        os._exit(code)
    try:
        linux.unshare(_NEW)
        os.write(go, b"g")
    finally:
        os.close(go)
        os.close(ready)
        status = os.waitpid(helper, 0)[1]
    if status:
        raise PermissionError("the users of a new namespace cannot be mapped")
    return user == 0


def _map_users(process: int, user: int, group: int) -> None:
    place = f"/proc/{process}/"
    both = f"0 0 1\n{NOBODY} {NOBODY} 1\n"  # for root: itself, to set up, and nobody, to run
    if user != 0:
        _write(place + "setgroups", "deny")
    _write(place + "uid_map", both if user == 0 else f"{NOBODY} {user} 1\n")
    _write(place + "gid_map", both if user == 0 else f"{NOBODY} {group} 1\n")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def build(paths: Iterable[str], size: int, files: int) -> None:
    """Make the new root with `paths` in it the only one; the folder holds `size` bytes in `files`.

    Works within `leave`. Raises OSError where a mount is not permitted.
    """
    with suppress(OSError):  # no users within these, who would be root there
        _write("/proc/sys/user/max_user_namespaces", "0")
    places = [(path, os.path.realpath(path)) for path in (*paths, *DEVICES)]
    linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", "/tmp", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
    os.mkdir("/tmp/old")
    os.mkdir("/tmp/new")
    linux.pivot_root("/tmp", "/tmp/old")
    os.chdir("/")
    linux.mount("tmpfs", "/new", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
    attributes = linux.READ_ONLY | linux.NO_SUID
    for path, source in places:
        _show(path, source, attributes if path in DEVICES else attributes | linux.NO_DEVICES)
    os.mkdir("/new" + FOLDER)
    options = f"mode=700,uid={NOBODY},gid={NOBODY},size={size},nr_inodes={files}"
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("tmpfs", "/new" + FOLDER, "tmpfs", flags, options)
    for name in ("/tmp", "/dev/shm"):
        with suppress(FileExistsError):  # a Python that lives below /tmp
            os.symlink(FOLDER, "/new" + name)
    linux.set_mount("/new", attributes, below=False)
    os.chdir("/new")
    linux.pivot_root(".", ".")
    linux.detach(".")
    os.chdir(FOLDER)


def _show(path: str, source: str, attributes: int) -> None:
    """Bind what the old root has at `source`, links followed, to `path` in the new one."""
    source, target = "/old" + source, "/new" + path
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with suppress(FileExistsError):
            os.mknod(target)
    linux.mount(source, target, "", linux.MS_BIND | linux.MS_REC)
    linux.set_mount(target, attributes, below=True)
