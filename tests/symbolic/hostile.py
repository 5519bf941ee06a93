"""Programs that mean harm, and what has to become of each. They print ESCAPED where they get away.

Facts about the machine outside come as JSON on stdin: the caller's process, a file that must not be
read or changed, a port that listens, a socket's path.
"""

ATTACK = '''
import ctypes, json, os, sys
facts = json.loads(sys.stdin.read() or "{}")
libc = ctypes.CDLL(None, use_errno=True)
REFUSED = {1, 2, 3, 13, 16, 17, 19, 22, 30, 18, 38, 97, 101, 111, -3}  # errors that mean no

def refused(action, *arguments):
    """Nothing, where the action fails for want of a right or a thing; ESCAPED where it works."""
    try:
        action(*arguments)
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", 1)
        print("refused" if number in REFUSED else f"ESCAPED to {error!r}")
    else:
        print("ESCAPED", getattr(action, "__name__", action), arguments)

def kernel(number, *arguments):
    """A bare system call; refused only by the filter: no other error will do."""
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments])
    error = ctypes.get_errno()
    print("refused" if result == -1 and error in (1, 38) else f"ESCAPED {number} {result} {error}")
'''


def attack(body: str) -> str:
    """A program with `refused`, `kernel`, `facts` and `os` at hand."""
    return "from attack import *\n" + body


# name: (source, kind, what its reason or output has to contain)
HOSTILE = {
    "a fork bomb": (
        "import os\nwhile True:\n    os.fork()",
        "failed",
        "PermissionError",
    ),
    "many threads": (
        "from threading import Event, Thread\n"
        "for _ in range(1000): Thread(target=Event().wait, daemon=True).start()",
        "failed",
        "can't start new thread",
    ),
    "a memory bomb": ("x = []\nwhile True: x.append(bytearray(10**6))", "out of memory", "bytes"),
    "one huge string": ("'a' * 10**12", "out of memory", "bytes"),
    "a huge mapping": ("import mmap\nmmap.mmap(-1, 10**12)", "failed", "OSError"),
    "endless output": ("while True: print('x' * 999)", "too much output", "bytes"),
    "endless errors": (
        "import sys\nwhile True: sys.stderr.write('x' * 999)",
        "too much output",
        "bytes",
    ),
    "a big message": ("raise ValueError('x' * 10**5)", "failed", "ValueError: xxx"),
    "a message without end": ("raise ValueError('x' * 10**7)", "too much output", "bytes"),
    "deep recursion": ("def f(): f()\nf()", "failed", "RecursionError"),
    "the end of the C stack": (
        "import ctypes, sys\nsys.setrecursionlimit(10**9)\n"
        "call = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: call())\ncall()",
        "killed",
        "Segmentation fault (signal 11)",
    ),
    "a wild pointer": ("import ctypes\nctypes.string_at(8)", "killed", "(signal 11)"),
    "abort": ("import os\nos.abort()", "killed", "Aborted (signal 6)"),
    "a signal to itself": ("import os\nos.kill(os.getpid(), 15)", "killed", "(signal 15)"),
    "an exit status": ("import sys\nsys.exit(7)", "failed", "exit status 7"),
    "an exit with words": ("import sys\nsys.exit('no way')", "failed", "exit status 1"),
    "an exit from below": ("import os\nos._exit(9)", "failed", "exit status 9"),
    "a huge file": (
        "f = open('x', 'wb')\nwhile True: f.write(bytes(10**6))",
        "failed",
        "File too large",
    ),
    "a sparse file": ("open('x', 'wb').truncate(10**12)", "failed", "File too large"),
    "many open files": ("x = [open('a', 'w') for _ in range(9999)]", "failed", "Too many open"),
    "binary output": (
        "import sys\nsys.stdout.buffer.write(bytes(range(256)))",
        "passed",
        "\ufffd",
    ),
    "null bytes": ("x = 1\0", "failed", "null bytes"),
    "no Unicode": ("x = '\udcff'", "failed", "UnicodeEncodeError"),
    "no Python": ("def", "failed", "SyntaxError: invalid syntax"),
    "closed files": (
        "import os\nos.closerange(0, 99)\nraise SystemExit(4)",
        "failed",
        "exit status",
    ),
    "reading without input": ("input()", "failed", "EOFError"),
    "odd reports": (
        "import os\nos.write(3, b'[1, {' * 999)\nraise SystemExit(5)",
        "failed",
        "exit status 5",
    ),
    "deep reports": (
        "import os\nos.write(3, b'[' * 4096)\nos._exit(5)",
        "failed",
        "exit status 5",
    ),
    "a report for the terminal": (
        'import os\nos.write(3, b\'{"error": "a\\\\nb\\\\u001b"}\')\nos._exit(1)',
        "failed",
        "a b\ufffd",
    ),
    "words that nobody can write": ("raise ValueError('\\ud800')", "failed", "ValueError: \ufffd"),
    "nowhere to print": ("import sys\nsys.stdout = None\ndel sys.stderr", "passed", ""),
    "a place of its own to print": (
        "import sys\nclass Mine: write = flush = lambda *_: None\nsys.stdout = Mine()\nprint(1)",
        "passed",
        "",
    ),
    "no way to stop tracing": ("import sys\ndel sys.settrace", "passed", ""),
    "an exit of its own kind": (
        "class Odd(int): __and__ = str.join\nraise SystemExit(Odd(259))",
        "failed",
        "exit status 3",
    ),
    "the end of its group": ("import os\nos.kill(0, 9)", "killed", "Killed (signal 9)"),
    "brackets without end": ("(" * 10**5, "failed", "SyntaxError: too many nested parentheses"),
    "odd names and no rights": (
        "import os\nfor name in b'\\xff', b'\\n', b'-rf', b'a' * 255:\n"
        "    os.makedirs(name + b'/b')\n    open(name + b'/c', 'w')\n"
        "    os.mkdir(name + b'/d', 0)\n"
        "os.mkfifo('pipe')\nos.symlink('pipe', 'link')\nos.umask(0o777)\nos.mkdir('none')",
        "passed",
        "",
    ),
    "its keeper's files": (
        attack(
            "place = f'/proc/{os.getppid()}/fd/'\nfor number in range(40):\n"
            "    for mode in os.O_RDONLY, os.O_RDWR: refused(os.open, place + str(number), mode)"
        ),
        "passed",
        "refused",
    ),
    "pipes of a megabyte": (
        attack("import fcntl\nrefused(fcntl.fcntl, os.pipe()[1], 1031, 2**20)"),
        "passed",
        "refused",
    ),
    "files outside": (
        attack(
            "for path in '/x', '/etc/x', '/usr/x', '/home/x', '/tmp/../x', os.__file__:\n"
            "    refused(open, path, 'a')\n"
            "    refused(os.mkdir, path + 'd')\n"
            "refused(open, facts['file'], 'a')\nrefused(os.unlink, facts['file'])\n"
            "refused(os.rename, facts['file'], 'mine')\nrefused(os.link, facts['file'], 'mine')\n"
            "refused(os.truncate, facts['file'], 0)"
        ),
        "passed",
        "refused",
    ),
    "secrets": (
        attack(
            "for path in '/etc/shadow', '/etc/passwd', facts['file'], '/proc/1/environ':\n"
            "    refused(open, path)\n"
            "refused(open, f'/proc/{facts[\"caller\"]}/environ')\n"
            "refused(os.listdir, '/proc')\nrefused(os.listdir, os.path.dirname(facts['file']))\n"
            "refused(os.listdir, '/home')"
        ),
        "passed",
        "refused",
    ),
    "links out of the folder": (
        attack(
            "os.symlink(facts['file'], 'link')\nos.symlink('/', 'root')\n"
            "refused(open, 'link')\nrefused(open, 'link', 'a')\nrefused(open, 'root/etc/x', 'w')"
        ),
        "passed",
        "refused",
    ),
    "the system's modes": (
        attack(
            "for path in '/', os.__file__, facts['file']:\n"
            "    refused(os.chmod, path, 0o777)\n    refused(os.chown, path, 65534, 65534)\n"
            "    refused(os.utime, path)\n    refused(os.setxattr, path, 'user.x', b'y')"
        ),
        "passed",
        "refused",
    ),
    "its own folder": (
        attack("import shutil\nshutil.rmtree(os.getcwd(), True)\nrefused(os.rmdir, os.getcwd())"),
        "passed",
        "refused",
    ),
    "the environment": ("import os\nprint(sorted(os.environ))", "passed", "['HOME', 'LANG', 'PATH"),
    "sockets": (
        attack(
            "import socket\n"
            "families = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK\n"
            "for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW:\n"
            "    for family in families:\n"
            "        refused(socket.socket, family, kind)\n"
            "refused(socket.create_connection, ('127.0.0.1', facts['port']), 1)\n"
            "refused(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)\n"
            "refused(socket.getaddrinfo, 'example.org', 80)"
        ),
        "passed",
        "refused",
    ),
    "signals to others": (
        attack(
            "for signal in 0, 2, 9, 15:\n    refused(os.kill, facts['caller'], signal)\n"
            "    refused(os.kill, -facts['caller'], signal)\n    refused(os.kill, -1, signal)\n"
            "if os.getppid() != 1: refused(os.kill, os.getppid(), 9)\n"
            "else: os.kill(1, 2), os.kill(1, 9), os.kill(1, 19)  # which it does not hear\n"
            "refused(os.pidfd_open, facts['caller'])"
        ),
        "passed",
        "refused",
    ),
    "limits and turns of others": (
        attack(
            "import resource\n"
            "refused(resource.prlimit, facts['caller'], resource.RLIMIT_CPU, (1, 1))\n"
            "refused(os.setpriority, os.PRIO_PROCESS, facts['caller'], 19)\n"
            "refused(os.sched_setaffinity, facts['caller'], {0})\n"
            "import fcntl\nrefused(fcntl.fcntl, 0, fcntl.F_SETOWN, facts['caller'])"
        ),
        "passed",
        "refused",
    ),
    "other users": (
        attack(
            "for change in os.setuid, os.setgid, os.seteuid:\n    refused(change, 0)\n"
            "refused(os.setgroups, [0])\nrefused(os.chroot, '.')"
        ),
        "passed",
        "refused",
    ),
    "the temporary places": (
        attack(
            "import tempfile\nopen(tempfile.mkstemp()[1], 'w').write('x')\n"
            "here = os.path.realpath('/tmp') == os.getcwd()\n"
            "refused(open, '/dev/shm/x' if not here else '/dev/x', 'w')\n"
            "refused(open, '/dev/kmsg', 'w')\nrefused(open, '/dev/sda')\nrefused(open, '/dev/mem')"
        ),
        "passed",
        "refused",
    ),
    "a maze of folders": (
        "import os\nfor _ in range(300):\n    os.mkdir('a')\n    os.chdir('a')\nopen('x', 'w')",
        "passed",
        "",
    ),
    "the library's own code": ("import practicum", "failed", "ModuleNotFoundError"),
}

# x86_64 numbers; with arguments that the kernel would take exception to in another way
KERNEL = {
    "ptrace": (101, 0), "process_vm_readv": (310, 1), "keyctl": (250, 0), "add_key": (248, 0),
    "bpf": (321, 0), "unshare": (272, 0), "setns": (308, -1), "mount": (165, 0), "umount": (166, 0),
    "pivot_root": (155, 0), "chroot": (161, 0), "init_module": (175, 0), "kexec": (246, 0),
    "io_uring": (425, 0), "perf_event": (298, 0), "userfaultfd": (323, 0), "memfd": (319, 0),
    "by handle": (304, -1), "reboot": (169, 0), "hostname": (170, 0), "shmget": (29, 0, 0, 0),
    "msgget": (68, 0), "mq_open": (240, 0), "clone of namespaces": (56, 0x10000011, 0, 0, 0, 0),
    "clone3": (435, 0, 0), "x32": (0x40000000 + 39,), "quotactl": (179, 0), "acct": (163, 0),
    "splice": (275, -1), "personality": (135, 8), "new mounts": (428, -1), "mlock": (149, 0, 0),
}  # fmt: skip
