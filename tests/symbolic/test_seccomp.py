"""Filters on system calls, run by a small machine as the kernel would run them."""

import errno
import struct
import subprocess
import sys

import pytest

from practicum.symbolic.seccomp import KNOWN_MACHINES, allowing, narrowing
from practicum.symbolic.system_calls import (
    ALWAYS,
    NO_PROCESSES,
    Condition,
    Rule,
    among_others,
    numbers,
)

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED = "allowed"


def answer(made, machine, number, *arguments):
    """What the filter returns for a call: `allowed`, `killed`, or the number of the error."""
    wide = [argument % 2**64 for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("=IIQ6Q", number, ARCHITECTURES[machine], 0, *wide)
    steps = list(struct.iter_unpack("=HBBI", made.instructions))
    place, held = 0, 0
    while True:
        code, yes, no, value = steps[place]
        place += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            held &= value
        elif code == 0x05:
            place += value
        elif code in (0x15, 0x25):
            true = held == value if code == 0x15 else held > value
            place += yes if true else no
        else:
            assert code == 0x06, code
            break
    if value == 0x7FFF0000:
        return ALLOWED
    return "killed" if value == 0x80000000 else value - 0x00050000


@pytest.fixture(params=KNOWN_MACHINES)
def machine(request):
    return request.param


@pytest.fixture
def whole(machine):
    return allowing(numbers(machine), ALWAYS, machine)


def test_what_is_listed_is_allowed_and_nothing_else(machine, whole):
    known = numbers(machine)
    ruled = {known[rule.call] for rule in ALWAYS}
    for number in range(2000):
        given = answer(whole, machine, number)
        if number in ruled:
            continue
        if number in known.values():
            assert given == ALLOWED, number
        else:
            assert given == (errno.ENOSYS if number > 450 or number == 435 else errno.EPERM)
    assert answer(whole, machine, 0x40000000 + known["read"]) == errno.ENOSYS


def test_another_architecture_is_killed(machine, whole):
    other = next(name for name in KNOWN_MACHINES if name != machine)
    assert answer(whole, other, numbers(other)["read"]) == "killed"


CASES = {  # call, arguments, answer
    "a fork": ("clone", (17,), ALLOWED),
    "a thread": ("clone", (0x3D0F00,), ALLOWED),
    "a fork in a namespace of users": ("clone", (17 | 0x10000000,), errno.EPERM),
    "its own limits": ("prlimit64", (0, 1, 2), ALLOWED),
    "others' limits": ("prlimit64", (77, 1, 2), errno.EPERM),
    "a name": ("prctl", (15,), ALLOWED),
    "a trace": ("prctl", (4,), errno.EINVAL),
    "a size": ("ioctl", (0, 0x5413), ALLOWED),
    "typing into a terminal": ("ioctl", (0, 0x5412), errno.ENOTTY),
    "the same with upper bits": ("ioctl", (0, 0x5412 + (1 << 40)), errno.ENOTTY),
    "a lock": ("fcntl", (0, 6), ALLOWED),
    "signals to an owner": ("fcntl", (0, 8, 1), errno.EPERM),
    "a pipe of a megabyte": ("fcntl", (0, 1031, 2**20), errno.EPERM),
    "a pair of streams": ("socketpair", (1, 1 | 0x80000), ALLOWED),
    "a pair of datagrams": ("socketpair", (1, 2 | 0x80000), errno.EPERM),
    "a pair of another family": ("socketpair", (30, 1), errno.EPERM),
}


@pytest.mark.parametrize("name", CASES)
def test_arguments_are_looked_at(machine, whole, name):
    call, arguments, expected = CASES[name]
    assert answer(whole, machine, numbers(machine)[call], *arguments) == expected


def test_a_second_filter_narrows(machine):
    known, alone = numbers(machine), narrowing(NO_PROCESSES, machine)
    assert answer(alone, machine, known["clone"], 17) == errno.EPERM
    assert answer(alone, machine, known["clone"], 0x3D0F00) == ALLOWED
    assert answer(alone, machine, known["read"]) == ALLOWED
    if "fork" in known:
        assert answer(alone, machine, known["fork"]) == errno.EPERM
        assert answer(alone, machine, known["vfork"]) == errno.EPERM


def test_among_others_a_program_signals_only_itself(machine):
    known, made = numbers(machine), narrowing(among_others(77), machine)
    for call in ("kill", "tgkill"):
        assert answer(made, machine, known[call], 77, 9) == ALLOWED
        for other in (76, 1, -1, -77):
            assert answer(made, machine, known[call], other, 9) == errno.EPERM
    assert answer(made, machine, known["fchmod"], 0) == errno.EPERM
    assert answer(made, machine, known["prctl"], 1, 0) == errno.EPERM, "it ends with its keeper"
    assert answer(made, machine, known["prctl"], 15) == ALLOWED


def test_all_conditions_of_a_rule_have_to_hold(machine):
    rule = Rule(
        call="dup3",
        error=errno.EBADF,
        conditions=(
            Condition(argument=0, values=(1, 2)),
            Condition(argument=1, values=(3, 5), among=False),
        ),
    )
    made, number = narrowing([rule], machine), numbers(machine)["dup3"]
    for first in range(6):
        for second in range(8):
            right = first in (1, 2) and second not in (3, 5)
            given = answer(made, machine, number, first, second)
            assert given == (ALLOWED if right else errno.EBADF)


@pytest.mark.skipif(sys.platform != "linux", reason="filters are Linux's")
def test_the_kernel_takes_it():
    source = (
        "from practicum.symbolic import linux, seccomp, system_calls as calls\n"
        "linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)\n"
        "seccomp.allowing(calls.numbers(linux.MACHINE), calls.ALWAYS).install()\n"
        "import socket\n"
        "try: socket.socket()\n"
        "except PermissionError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout == "refused\n", done.stderr
