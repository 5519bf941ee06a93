"""The system calls that a program in the sandbox may make, with their numbers.

Everything else is refused: sockets but for a pair within the program, mounting, tracing, keys, bpf,
io_uring, kernel modules, System V memory, memory files, other processes' memory and whatever is
invented later. Of some calls certain arguments are refused too.
"""

import errno
from dataclasses import dataclass

# name, number on x86_64, number on aarch64 (- where it has none)
_TABLE = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69,
pwritev 296 70, preadv2 327 286, pwritev2 328 287, close 3 57, close_range 436 436, lseek 8 62,
dup 32 23, dup2 33 -, dup3 292 24, pipe 22 -, pipe2 293 59, poll 7 -, ppoll 271 73, select 23 -,
pselect6 270 72, epoll_create 213 -, epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -,
epoll_pwait 281 22, epoll_pwait2 441 441, eventfd 284 -, eventfd2 290 19, timerfd_create 283 85,
timerfd_settime 286 86, timerfd_gettime 287 87, signalfd 282 -, signalfd4 289 74, sendfile 40 71,
copy_file_range 326 285, open 2 -, openat 257 56, creat 85 -, stat 4 -, fstat 5 80, lstat 6 -,
newfstatat 262 79, statx 332 291, access 21 -, faccessat 269 48, faccessat2 439 439, readlink 89 -,
readlinkat 267 78, getdents 78 -, getdents64 217 61, mkdir 83 -, mkdirat 258 34, rmdir 84 -,
unlink 87 -, unlinkat 263 35, rename 82 -, renameat 264 38, renameat2 316 276, link 86 -,
linkat 265 37, symlink 88 -, symlinkat 266 36, mknod 133 -, mknodat 259 33, truncate 76 45,
ftruncate 77 46, fallocate 285 47, fsync 74 82, fdatasync 75 83, flock 73 32, getcwd 79 17,
chdir 80 49, fchdir 81 50, umask 95 166, statfs 137 43, fstatfs 138 44, fadvise64 221 223,
getxattr 191 8, lgetxattr 192 9, fgetxattr 193 10, listxattr 194 11, llistxattr 195 12,
flistxattr 196 13, chmod 90 -, fchmod 91 52, fchmodat 268 53, utime 132 -, utimes 235 -,
futimesat 261 -, utimensat 280 88, mmap 9 222, munmap 11 215, mremap 25 216, mprotect 10 226,
madvise 28 233, brk 12 214, msync 26 227, mincore 27 232, membarrier 324 283, clone 56 220,
fork 57 -, vfork 58 -, execve 59 221, exit 60 93, exit_group 231 94, wait4 61 260, waitid 247 95,
getpid 39 172, gettid 186 178, getppid 110 173, getpgrp 111 -, getpgid 121 155, getsid 124 156,
setpgid 109 154, setsid 112 157, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177,
getgroups 115 158, getresuid 118 148, getresgid 120 150, kill 62 129, tgkill 234 131, tkill 200 130,
rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136,
rt_sigsuspend 130 133, rt_sigtimedwait 128 137, sigaltstack 131 132, pause 34 -, alarm 37 -,
nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113, clock_getres 229 114,
gettimeofday 96 169, time 201 -, times 100 153, getrusage 98 165, sysinfo 99 179, uname 63 160,
getrandom 318 278, sched_yield 24 124, sched_getaffinity 204 123, sched_getparam 143 121,
sched_getscheduler 145 120, sched_get_priority_max 146 125, sched_get_priority_min 147 126,
getcpu 309 168, getpriority 140 141, getrlimit 97 163, setrlimit 160 164, prlimit64 302 261,
prctl 157 167, arch_prctl 158 -, set_tid_address 218 96, set_robust_list 273 99, futex 202 98,
rseq 334 293, restart_syscall 219 128, setitimer 38 103, getitimer 36 102, timer_create 222 107,
timer_settime 223 110, timer_gettime 224 108, timer_getoverrun 225 109, timer_delete 226 111,
capget 125 90, pidfd_open 434 434, pidfd_send_signal 424 424, fcntl 72 25, ioctl 16 29,
socketpair 53 199, sendto 44 206, recvfrom 45 207, sendmsg 46 211, recvmsg 47 212, shutdown 48 210,
getsockopt 55 209, getsockname 51 204, getpeername 52 205
"""
_MACHINES = ("x86_64", "aarch64")
LAST_KNOWN = 450  # newer calls do not exist here, so that the C library does without them
CLONE3 = 435  # its arguments lie in memory, where a filter cannot look; `clone` does the same


def numbers(machine: str) -> dict[str, int]:
    """The number of every allowed call on a processor (`x86_64` or `aarch64`)."""
    rows = (row.split() for row in _TABLE.replace("\n", " ").split(","))
    column = 1 + _MACHINES.index(machine)
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The low 32 bits of an argument, masked, are among these values, or (`among`) are not."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    among: bool = True


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A call is allowed where all conditions hold; otherwise it fails with `error`."""

    call: str
    conditions: tuple[Condition, ...]
    error: int = errno.EPERM


_NAMESPACES = 0x7E020000  # CLONE_NEWNS … CLONE_NEWNET
_THREAD = 0x10000
_NEVER = (Condition(argument=0, values=()),)
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # what kind of file, how much, blocking
_PRCTLS = (1, 2, 3, 15, 16, 21, 22, 23, 38, 39, 0x53564D41)  # names, death signal, filters

# for every program, wherever it runs
ALWAYS = (
    Rule(call="clone", conditions=(Condition(argument=0, values=(0,), mask=_NAMESPACES),)),
    Rule(call="prlimit64", conditions=(Condition(argument=0, values=(0,)),)),  # its own limits
    Rule(call="prctl", conditions=(Condition(argument=0, values=_PRCTLS),), error=errno.EINVAL),
    Rule(call="ioctl", conditions=(Condition(argument=1, values=_IOCTLS),), error=errno.ENOTTY),
    # signals that a file would send to others: F_SETOWN, F_SETSIG, F_SETOWN_EX, leases, F_NOTIFY;
    # and pipes that hold a megabyte (F_SETPIPE_SZ), which is no memory of the program's
    Rule(
        call="fcntl",
        conditions=(Condition(argument=1, values=(8, 10, 15, 1024, 1026, 1031), among=False),),
    ),
    # asyncio needs a pair; a pair of streams, unlike one of datagrams, reaches nobody else
    Rule(
        call="socketpair",
        conditions=(
            Condition(argument=0, values=(1,)),
            Condition(argument=1, values=(1,), mask=0xF),
        ),
    ),
)
# a program that may start no other; threads it may
NO_PROCESSES = (
    Rule(call="fork", conditions=_NEVER),
    Rule(call="vfork", conditions=_NEVER),
    Rule(call="clone", conditions=(Condition(argument=0, values=(_THREAD,), mask=_THREAD),)),
)


def among_others(process: int) -> tuple[Rule, ...]:
    """For a program that sees the machine's processes and files: signals only to itself, no change
    to modes and times, which Landlock does not watch, and no way to outlive who started it."""
    itself = (Condition(argument=0, values=(process, 0)),)
    death_signal = (Condition(argument=0, values=(1,), among=False),)
    modes = ("chmod", "fchmod", "fchmodat", "utime", "utimes", "futimesat", "utimensat")
    never = ("tkill", "pidfd_open", "pidfd_send_signal", "setpgid", *modes)
    return (
        Rule(call="kill", conditions=itself),
        Rule(call="tgkill", conditions=itself),
        Rule(call="prctl", conditions=death_signal),
        *(Rule(call=name, conditions=_NEVER) for name in never),
    )
