"""How a program ended is told from its status and its keeper's word, never from its own alone."""

import json
import signal
from dataclasses import replace

import pytest

from practicum.symbolic.sandbox_end import reported, told
from practicum.symbolic.sandbox_lane import Ended

LIMITS = {"seconds": 3.0, "cpu": 3, "memory": 100, "output": 50}
PASSED = Ended(
    status=0, cause="", seconds=1.0, cpu=0.5, memory=10, output=b"", errors=b"", report=b""
)


def report(**said):
    return json.dumps(said).encode()


CASES = {
    "it passed": ({}, "passed", ""),
    "a forged error does not fail it": ({"report": report(error="MemoryError")}, "passed", ""),
    "a status": ({"status": 3 << 8}, "failed", "exit status 3"),
    "an error": ({"status": 256, "report": report(error="KeyError: 1")}, "failed", "KeyError: 1"),
    "a forged end does not pass it": (
        {"status": 256, "report": report(finished=True)},
        "failed",
        "exit status 1",
    ),
    "an error for the terminal": (
        {"status": 256, "report": report(error="a\nb\x1b \ud800")},
        "failed",
        "a b\ufffd \ufffd",
    ),
    "an error without words": (
        {"status": 256, "report": report(error=["a"])},
        "failed",
        "exit status 1",
    ),
    "no memory": (
        {"status": 256, "report": report(error="MemoryError")},
        "out of memory",
        "more than 100 bytes",
    ),
    "killed with its memory full": (
        {"status": signal.SIGKILL, "memory": 90},
        "out of memory",
        "90 of 100 bytes in use",
    ),
    "killed": ({"status": signal.SIGKILL}, "killed", "Killed (signal 9)"),
    "a signal": ({"status": signal.SIGSEGV | 128}, "killed", "Segmentation fault (signal 11)"),
    "the processor's time": (
        {"status": signal.SIGKILL, "cpu": 3.01},
        "timed out",
        "more than 3 seconds of the processor",
    ),
    "the clock": ({"status": signal.SIGKILL, "cause": "time"}, "timed out", "more than 3 seconds"),
    "output": ({"cause": "output"}, "too much output", "more than 50 bytes"),
    "the caller": ({"status": 9, "cause": "stopped"}, "killed", "stopped by the caller"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_end_has_a_kind_and_a_reason(name):
    change, kind, reason = CASES[name]
    assert told(replace(PASSED, **change), **LIMITS) == (kind, reason)


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[1]", b"\xff", b"null", b'{"a": 1}{"b": 2}', b"[" * 4096]
)
def test_a_report_without_sense_says_nothing(said):
    assert reported(replace(PASSED, report=said)) == {}
