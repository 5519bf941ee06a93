"""The caller's end of a keeper: starts it, hands it a program at a time, reads what it left."""

import fcntl
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import practicum
from practicum.errors import ConfigError
from practicum.symbolic.sandbox_folder import remove

_HOME = str(Path(practicum.__file__).parent.parent)
_CODE = """
import json, sys
asked = json.loads(sys.argv[1])
sys.path.append(asked["home"])
from practicum.symbolic.sandbox_keeper import main
main(asked.pop("control"), asked.pop("results"), asked)
"""
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
_PATIENCE = 30.0  # seconds for a keeper to start, and to end what it runs


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of a program, as its keeper saw it; `status` as `os.waitpid` gives it."""

    status: int
    cause: str  # why the keeper ended it: "time", "output", "stopped"; or "" if it did not
    seconds: float
    cpu: float
    memory: int
    output: bytes
    errors: bytes
    report: bytes


class Lost(Exception):
    """The keeper is gone."""


class Lane:
    """A keeper and the way to it.

    Raises ConfigError with the keeper's reason where it could not set itself up as asked.
    """

    def __init__(self, asked: dict[str, Any]) -> None:
        self.owner = os.getpid()
        self.busy = False
        self.last_words = ""  # of a keeper that is gone
        self.folder: str | None = None
        if not asked["namespaces"]:
            self.folder = tempfile.mkdtemp(prefix="practicum-sandbox-")
        self.results = [os.memfd_create(name) for name in ("stdout", "stderr", "report")]
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self.process = self._start(theirs, asked | {"folder": self.folder})
        except OSError as problem:
            self._release()
            raise ConfigError(f"{_python()} cannot be started: {problem.strerror}") from problem
        finally:
            theirs.close()
        self.layers: dict[str, Any] = {}
        try:
            self.layers = self._answer(_PATIENCE)
        except Lost:
            self.close()
            reason = f"{_python()} does not start as a sandbox: {self.last_words}"
            raise ConfigError(reason) from None
        if "problem" in self.layers:
            self.close()
            raise ConfigError(f"the sandbox cannot be set up: {self.layers['problem']}")

    def _start(self, theirs: socket.socket, asked: dict[str, Any]) -> subprocess.Popen[bytes]:
        # a caller without standard files has ours under their numbers
        own = (theirs.fileno(), *self.results)
        files = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3) for file in own]
        more = {"control": files[0], "results": files[1:], "caller": os.getpid(), "home": _HOME}
        flags = ("-S", "-s", "-P", "-B", "-X", "utf8")
        try:
            return subprocess.Popen(
                [_python(), *flags, "-c", _CODE, json.dumps(asked | more)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=files[2],  # read when it does not start
                pass_fds=files,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,  # an interrupt at the terminal is the caller's business
            )
        finally:
            for file in files:
                os.close(file)

    def fileno(self) -> int:
        """What to wait on for the end of a program."""
        return self.channel.fileno()

    def give(self, program: dict[str, Any], stdin: bytes) -> None:
        """Start a program. Raises Lost, also in a fork of the caller: answers are for one."""
        if os.getpid() != self.owner:
            raise Lost
        files = [_sealed(json.dumps(program).encode()), _sealed(stdin)]
        try:
            socket.send_fds(self.channel, [b"run"], files)
        except OSError as problem:
            raise Lost from problem
        finally:
            for file in files:
                os.close(file)
        self.busy = True

    def ended(self) -> Ended:
        """What became of the program; waits for it. Raises Lost."""
        answer = self._answer(None)
        self.busy = False
        broken = answer.pop("broken", False)
        output, errors, report = (os.pread(f, os.fstat(f).st_size, 0) for f in self.results)
        if broken:
            self.close()
        return Ended(**answer, output=output, errors=errors, report=report)

    def stop(self) -> None:
        """End the program that runs, if one does. Raises Lost."""
        if self.busy and os.getpid() == self.owner:
            try:
                self.channel.send(b"stop")
            except OSError as problem:
                raise Lost from problem
            self._answer(_PATIENCE)
            self.busy = False

    @property
    def closed(self) -> bool:
        """Whether nothing can be run here any more."""
        return self.channel.fileno() == -1

    def close(self) -> None:
        """End the keeper with all it runs, leave nothing behind; in a fork of the caller let go."""
        if self.closed:
            return
        if os.getpid() != self.owner:
            self.folder = None
            self._release()
            return
        with suppress(OSError):  # the keeper is to see this though forks of the caller hold copies
            self.channel.shutdown(socket.SHUT_RDWR)
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        said = os.pread(self.results[1], 2**16, 0).decode(errors="replace").strip()
        self.last_words = said.rpartition("\n")[2] or "it said nothing"
        self._release()

    def _release(self) -> None:
        self.channel.close()
        for file in self.results:
            os.close(file)
        self.results = []
        if self.folder is not None:
            with suppress(OSError):  # gone already, unless the keeper was killed with its parent
                remove(self.folder)

    def _answer(self, patience: float | None) -> dict[str, Any]:
        if os.getpid() != self.owner:
            raise Lost
        ready = select.poll()
        ready.register(self.channel, select.POLLIN)
        if not ready.poll(None if patience is None else 1000 * patience):
            raise Lost
        try:
            message = self.channel.recv(65536)
        except OSError as problem:
            raise Lost from problem
        if not message:
            raise Lost
        return json.loads(message)


def _python() -> str:
    """This Python without its virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _sealed(content: bytes) -> int:
    """A file in memory that can only be read from now on, at its beginning."""
    file = os.memfd_create("program", os.MFD_ALLOW_SEALING)
    with open(file, "wb", closefd=False) as whole:
        whole.write(content)
    os.lseek(file, 0, os.SEEK_SET)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, 0b1111)  # no more seals, shrinking, growing, writing
    return file
