"""The process beside the caller that keeps one program at a time: starts it, watches it, clears up.

It is a Python started anew, so that nothing of the caller's memory is in it; it imports what
programs like to use, locks itself down (`sandbox_lockdown`), and then forks for every program. It
is process 1 of its namespace where namespaces are permitted: with it goes whatever a program left.
Programs' texts and outputs never stay in its memory, where later programs could look for them: the
program reads its text itself, and what it prints goes through a buffer that is wiped.
"""

import fcntl
import gc
import importlib
import json
import os
import select
import signal
import site
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from practicum.symbolic import sandbox_lockdown, seccomp, system_calls
from practicum.symbolic.sandbox_folder import empty
from practicum.symbolic.sandbox_program import Start, become

WARM = (
    "abc", "argparse", "bisect", "collections", "contextlib", "copy", "dataclasses", "datetime",
    "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "io", "itertools", "json",
    "math", "operator", "random", "re", "statistics", "string", "textwrap", "time", "typing",
)  # fmt: skip
_REPORT_BYTES = 4096
_WIPED = bytes(2**16)


def main(control: int, results: Sequence[int], asked: dict[str, Any]) -> None:
    """Serve over the socket `control` until it closes or the process `asked["caller"]` is gone.

    `results` are the files in which stdout, stderr and the report of a program are left.
    """
    control, *results = _low(control, *results)
    channel = socket.socket(fileno=control)
    caller = os.pidfd_open(asked["caller"])
    if os.getppid() != asked["caller"]:
        return
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # if the system must end something, then this before the caller
    for name in WARM:
        importlib.import_module(name)
    site.setquit()  # `exit` and `help`, which are not there without site-packages
    site.sethelper()
    sys.path[:] = [path for path in sys.path if path != asked["home"]]
    try:
        root, beside = sandbox_lockdown.enter(asked)
        strays = sandbox_lockdown.children()
        layers = sandbox_lockdown.lock(asked, root=root)
        if not asked["namespaces"]:
            beside = sandbox_lockdown.room()
    except OSError as problem:
        channel.send(json.dumps({"problem": str(problem)}).encode())
        return
    channel.send(json.dumps(layers).encode())
    sys.orig_argv[:] = sys.argv[:1]
    for name in [name for name in sys.modules if name.partition(".")[0] == "practicum"]:
        del sys.modules[name]  # programs find the standard library and nothing else
    Keeper(channel, caller, results, strays, asked | layers, beside).serve()


def _low(*files: int) -> list[int]:
    """The files under the lowest numbers that no program is given, everything else closed."""
    spare = max(*files, 8)
    kept = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, spare + 1) for file in files]
    os.closerange(3, spare + 1)
    for _ in range(3, 8):
        os.open("/dev/null", os.O_RDWR)
    moved = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 8) for file in kept]
    for file in kept:
        os.close(file)
    return moved


def _pipe() -> tuple[int, int]:
    """A pipe whose reader never waits: where there is a /proc a program can read it, too."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    return reader, writer


class Keeper:
    """One program after the other, each in a fork."""

    def __init__(
        self,
        channel: socket.socket,
        caller: int,
        results: Sequence[int],
        strays: int,
        asked: dict[str, Any],
        beside: int,
    ) -> None:
        self.channel, self.caller, self.results, self.strays = channel, caller, results, strays
        self.asked = asked
        self.folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        self.buffer = bytearray(_WIPED)
        names = {"RLIMIT_AS": "memory", "RLIMIT_CPU": "cpu", "RLIMIT_FSIZE": "file_size"}
        self.limits = {limit: asked[name] for limit, name in names.items()}
        self.limits["RLIMIT_NPROC"] = beside + asked["tasks"]
        self.process = os.getpid()
        narrow = self.asked["seccomp"] and not asked["forks"]
        self.filter = seccomp.narrowing(system_calls.NO_PROCESSES) if narrow else None
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which process 1 does not hear
        gc.collect()
        gc.freeze()
        gc.disable()

    def serve(self) -> None:
        """Answer every program with what became of it."""
        waiting = select.poll()
        waiting.register(self.channel, select.POLLIN)
        waiting.register(self.caller, select.POLLIN)
        while not any(file == self.caller for file, _ in waiting.poll()):
            message, files, _, _ = socket.recv_fds(self.channel, 64, 2)
            if not message:
                return
            if message == b"run":  # the other message is a "stop" that came too late
                answer = self.keep(*files)
                for file in files:
                    os.close(file)
                with suppress(BrokenPipeError):  # nobody wants to know any more
                    self.channel.send(json.dumps(answer).encode())

    def keep(self, source: int, stdin: int) -> dict[str, Any]:
        """Run one program to its end, and tell how that came, what it used and what it printed."""
        for file in self.results:
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
        pipes = [_pipe() for _ in self.results]
        started = time.monotonic()
        program = os.fork()
        if program == 0:
            become(self._start((stdin, *(writer for _, writer in pipes), source)))
        for _, writer in pipes:
            os.close(writer)
        readers = [reader for reader, _ in pipes]
        written = [0, 0, 0]
        cause = self._watch(program, readers, written, started + self.asked["seconds"])
        took = time.monotonic() - started
        answer = self._clear(program)
        for number, reader in enumerate(readers):
            while self._pump(reader, number, written):
                pass
            os.close(reader)
        self.buffer[:] = _WIPED
        if not cause and written[0] + written[1] > self.asked["output"]:
            cause = "output"
        try:
            empty(self.folder)
        except OSError:
            answer["broken"] = True
        return answer | {"cause": cause, "seconds": took}

    def _start(self, files: tuple[int, ...]) -> Start:
        """What the program's process, which this is already, begins with."""
        if self.asked["namespaces"]:
            return Start(files=files, limits=self.limits, filter=self.filter, keeper=None)
        rules = system_calls.NO_PROCESSES + system_calls.among_others(os.getpid())
        narrow = seccomp.narrowing(rules) if self.asked["seccomp"] else None
        return Start(files=files, limits=self.limits, filter=narrow, keeper=self.process)

    def _watch(self, program: int, readers: list[int], written: list[int], until: float) -> str:
        """Collect output until the program ends; returns why it has to end before, or ''."""
        handle = os.pidfd_open(program)
        waiting = select.poll()
        for file in (*readers, handle, self.channel.fileno(), self.caller):
            waiting.register(file, select.POLLIN)
        try:
            while True:
                left = until - time.monotonic()
                if left <= 0:
                    return "time"
                ready = [file for file, _ in waiting.poll(1000 * min(left, 3600) + 1)]
                if handle in ready:
                    return ""
                if self.caller in ready:
                    self._clear(program)
                    os._exit(0)
                if self.channel.fileno() in ready:
                    return "stopped"
                for file in ready:
                    if self._pump(file, readers.index(file), written) == 0:
                        waiting.unregister(file)
                if written[0] + written[1] > self.asked["output"]:
                    return "output"
        finally:
            os.close(handle)

    def _pump(self, reader: int, number: int, written: list[int]) -> int | None:
        """Move what is there from the pipe to the result, as far as allowed.

        Returns how much was there: 0 at the pipe's end, None where nothing is there now.
        """
        try:
            count = os.readv(reader, [self.buffer])
        except BlockingIOError:
            return None
        if number < 2:
            room = self.asked["output"] - written[0] - written[1]
        else:
            room = _REPORT_BYTES - written[2]
        written[number] += count
        if room > 0:
            os.write(self.results[number], memoryview(self.buffer)[: min(count, room)])
        return count

    def _clear(self, program: int) -> dict[str, Any]:
        """End all that is left of a program; its status and what it used."""
        answer: dict[str, Any] = {"status": 0, "cpu": 0.0, "memory": 0}
        with suppress(ProcessLookupError):
            os.kill(-1 if self.asked["namespaces"] else -program, signal.SIGKILL)
        with suppress(ProcessLookupError):  # a child that has not made its session yet
            os.kill(program, signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                process, status, used = os.wait4(-1, 0 if self.asked["namespaces"] else os.WNOHANG)
                if process == 0:
                    sandbox_lockdown.end_strays(self.strays)
                    time.sleep(0.001)
                answer["cpu"] += used.ru_utime + used.ru_stime
                answer["memory"] = max(answer["memory"], 1024 * used.ru_maxrss)
                if process == program:
                    answer["status"] = status
        return answer
