"""What happens in the process of one program: it takes its limits on, then runs the source.

This runs in a fork of the keeper (`sandbox_keeper`), which has locked itself down already. Nothing
here can be trusted once the program runs: it shares the process with it. That is why the end is
told twice, by the status of the process, which the kernel keeps, and by a report for people.
"""

import atexit
import gc
import json
import linecache
import os
import resource
import signal
import sys
import threading
import traceback
import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from practicum.symbolic import linux
from practicum.symbolic.seccomp import Filter

FILE = "program.py"
HEADROOM = 32 * 2**20  # bytes of memory beyond the limit in which its end is told
STDIN, STDOUT, STDERR, REPORT, SOURCE = range(5)
_GREATEST = 500  # characters of an error in the report
_BROKEN = 70  # the status of a program that could not even be begun


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a program starts with: files, in the order of the descriptors they become; limits."""

    files: tuple[int, ...]  # stdin, stdout, stderr, report, source
    limits: Mapping[str, int]
    filter: Filter | None  # of system calls, on top of the keeper's
    keeper: int | None  # the process to end with; None where the system sees to that


def become(start: Start) -> None:
    """Turn this process, a fresh fork, into the program; never returns."""
    leave, status = os._exit, _BROKEN  # taken now: a program may change the module
    try:
        _lock(start)
        status = _run()
    finally:
        leave(status)


def _lock(start: Start) -> None:
    if start.keeper is not None:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != start.keeper:
            os._exit(_BROKEN)
    os.setsid()
    for number, file in enumerate(start.files):
        os.dup2(file, number, inheritable=number < REPORT)
    os.closerange(len(start.files), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, value in start.limits.items():
        extra = HEADROOM if name == "RLIMIT_AS" else 0
        number = getattr(resource, name)
        most = resource.getrlimit(number)[1]  # what the caller has itself is not exceeded
        hard = value + extra if most == resource.RLIM_INFINITY else min(value + extra, most)
        resource.setrlimit(number, (min(value, hard), hard))
    if start.filter is not None:
        start.filter.install()


def _read() -> str:
    """The source; the program's files are written on the way."""
    told = json.loads(os.read(SOURCE, os.fstat(SOURCE).st_size))
    os.close(SOURCE)
    for name, content in told["files"].items():
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(name, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(content)
    return told["source"]


def _run() -> int:
    """Be what `python program.py` is, and end as it does; the exit status.

    What is used after the program is taken before it, for the program may change any module.
    """
    process, own, say, spell = os.getpid(), os.getpid, os.write, json.dumps
    untrace, ends = sys.settrace, (threading._shutdown, atexit._run_exitfuncs)  # pyright: ignore
    sys.stdin = os.fdopen(STDIN, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.argv[:] = [FILE]
    sys.path.insert(0, os.getcwd())  # where its other files are
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=__builtins__, __file__=FILE)
    sys.modules["__main__"] = module
    gc.enable()
    status, report = _execute(module.__dict__)
    untrace(None)
    for end in ends:
        with suppress(BaseException):
            end()
    for file in (vars(sys).get("stdout"), vars(sys).get("stderr")):
        try:
            if file is not None and not getattr(file, "closed", False):
                file.flush()
        except BaseException:
            status = status or 120  # what Python says when the last words cannot be written
    if own() == process:  # and not a fork that the program made
        with suppress(OSError):  # closed by the program
            say(REPORT, spell(report).encode())
    return status


def _execute(names: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The exit status, and what is reported: whether the end was reached, and the error if not."""
    try:
        source = _read()
        linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
        exec(compile(source, FILE, "exec", dont_inherit=True), names)
    except SystemExit as end:
        return _status(end), {"finished": False, "error": ""}
    except BaseException as error:
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        return 1, {"finished": False, "error": _shown(error)}
    return 0, {"finished": True, "error": ""}


def _status(end: SystemExit) -> int:
    """The status Python gives for what `sys.exit` was called with."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return int.__and__(end.code, 0xFF)  # its own `&` may be anything
    sys.stderr.write(f"{end.code}\n")
    return 1


def _shown(error: BaseException) -> str:
    """The error in one line; its traceback, without our own frame, goes to stderr."""
    trace = error.__traceback__.tb_next if error.__traceback__ else None
    try:
        if sys.excepthook is sys.__excepthook__:
            traceback.print_exception(error.with_traceback(trace))  # with lines, which are no file
        else:
            sys.excepthook(type(error), error.with_traceback(trace), trace)
    except BaseException:  # too little memory is left, or the program put its own hook there
        error.__traceback__ = None
    try:
        line = traceback.format_exception_only(type(error), error)[-1]
    except BaseException:
        line = type(error).__name__
    return " ".join(line.split())[:_GREATEST]
