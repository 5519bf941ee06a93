"""The numbers of system calls are those in the kernel's own headers."""

import re
from pathlib import Path

import pytest

from practicum.symbolic.system_calls import ALWAYS, LAST_KNOWN, NO_PROCESSES, among_others, numbers

INCLUDE = Path("/usr/include")
HEADERS = {
    "x86_64": INCLUDE / "x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": INCLUDE / "asm-generic/unistd.h",
}


def in_header(text):
    found = {name: int(n) for name, n in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)}
    for name, meant in re.findall(r"#define __NR_(\w+) __NR3264_(\w+)", text):
        found.setdefault(name, found.get(meant, -1))
    return found


@pytest.mark.parametrize("machine", HEADERS)
def test_the_table_agrees_with_the_headers(machine):
    if not HEADERS[machine].is_file():
        pytest.skip("the kernel's headers are not installed")
    header = in_header(HEADERS[machine].read_text())
    assert len(header) > 300
    for name, number in numbers(machine).items():
        assert header[name] == number, name


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_distinct_and_known(machine):
    table = numbers(machine)
    assert len(set(table.values())) == len(table)
    assert max(table.values()) <= LAST_KNOWN


def test_every_rule_is_of_a_listed_call():
    known = numbers("x86_64")
    assert {rule.call for rule in (*ALWAYS, *NO_PROCESSES, *among_others(1))} <= set(known)


def test_nothing_that_reaches_further_is_listed():
    dangerous = {
        "socket", "connect", "bind", "listen", "accept", "ptrace", "process_vm_readv", "mount",
        "unshare", "setns", "chroot", "keyctl", "bpf", "io_uring_setup", "perf_event_open",
        "userfaultfd", "memfd_create", "open_by_handle_at", "init_module", "shmget", "setuid",
        "chown", "fchown", "setpriority", "sched_setaffinity", "process_madvise", "pidfd_getfd",
    }  # fmt: skip
    for machine in HEADERS:
        assert not dangerous & set(numbers(machine))
