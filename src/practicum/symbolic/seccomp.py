"""A filter on system calls, assembled by hand for the kernel's classic BPF (seccomp(2)).

A filter reads `struct seccomp_data`: the call's number at 0, the architecture at 4, and from 16 on
six arguments of eight bytes, low half first. It lasts for the process and all it starts; a second
filter can only narrow the first.
"""

import ctypes
import errno
import struct
from collections.abc import Iterable

from practicum.symbolic.linux import MACHINE, PR_SET_SECCOMP, prctl
from practicum.symbolic.system_calls import CLONE3, LAST_KNOWN, Condition, Rule, numbers

_LOAD, _EQUAL, _ABOVE, _AND, _JUMP, _RETURN = 0x20, 0x15, 0x25, 0x54, 0x05, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
KNOWN_MACHINES = tuple(_ARCHITECTURES)

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


class Filter:
    """Instructions laid out in memory for the kernel, so that installing them is one call."""

    def __init__(self, instructions: bytes) -> None:
        self.instructions = instructions
        self._code = ctypes.create_string_buffer(instructions, len(instructions))
        words = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(self._code))
        self._header = ctypes.create_string_buffer(words, len(words))

    def install(self) -> None:
        """Put the filter on this process, which gains no privileges any more, for good.

        Raises OSError where the kernel has no filters.
        """
        prctl(PR_SET_SECCOMP, 2, ctypes.addressof(self._header))  # 2: SECCOMP_MODE_FILTER


def allowing(names: Iterable[str], rules: Iterable[Rule], machine: str = MACHINE) -> Filter:
    """A filter that allows these calls, some under rules, and refuses every other.

    Refused calls fail with EPERM; `clone3` and calls newer than the table with ENOSYS, so that the
    C library falls back to what is known. Calls of another architecture kill the program.
    """
    known = numbers(machine)
    ruled = [rule for rule in rules if rule.call in known]
    free = sorted({known[name] for name in names} - {known[rule.call] for rule in ruled})
    body = [step for rule in ruled for step in _ruled(rule, known[rule.call])]
    for number in free:
        body += [(_EQUAL, 0, 1, number), _end(_ALLOW)]
    unknown = [(_EQUAL, 1, 0, CLONE3), (_ABOVE, 0, 1, LAST_KNOWN), _end(_ERROR | errno.ENOSYS)]
    return _program(machine, [*body, *unknown, _end(_ERROR | errno.EPERM)])


def narrowing(rules: Iterable[Rule], machine: str = MACHINE) -> Filter:
    """A filter that holds these rules and leaves every other call to the filters before it."""
    known = numbers(machine)
    ruled = [rule for rule in rules if rule.call in known]
    body = [step for rule in ruled for step in _ruled(rule, known[rule.call])]
    return _program(machine, [*body, _end(_ALLOW)])


def _end(result: int) -> Instruction:
    return (_RETURN, 0, 0, result)


def _program(machine: str, body: list[Instruction]) -> Filter:
    check = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _end(_KILL),
        (_LOAD, 0, 0, 0),
    ]
    return Filter(b"".join(struct.pack("=HBBI", *step) for step in [*check, *body]))


def _ruled(rule: Rule, number: int) -> list[Instruction]:
    refusal = _end(_ERROR | rule.error)
    steps = [step for condition in rule.conditions for step in _checked(condition, refusal)]
    steps.append(_end(_ALLOW))
    return [(_EQUAL, 0, len(steps), number), *steps]


def _checked(condition: Condition, refusal: Instruction) -> list[Instruction]:
    """Fall through where the condition holds, refuse where not."""
    count = len(condition.values)
    steps = [(_LOAD, 0, 0, 16 + 8 * condition.argument), (_AND, 0, 0, condition.mask)]
    found = [(_EQUAL, count - i, 0, value) for i, value in enumerate(condition.values)]
    if condition.among:
        return [*steps, *found, refusal]
    return [*steps, *found, (_JUMP, 0, 0, 1), refusal]
