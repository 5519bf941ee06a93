"""The sandbox against programs that mean harm: contained, told rightly, nothing left."""

import json
import math
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path

import psutil
import pytest
from hostile import ATTACK, HOSTILE, KERNEL, attack

from practicum.errors import ConfigError
from practicum.symbolic.sandbox import Limits, Program, Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

LIMITS = Limits(
    seconds=20.0, memory=128 * 2**20, output=2**18, file_size=4 * 2**20, threads=8, files=2000
)
WAYS = {"namespaces": ("namespaces", "seccomp"), "landlock": ("landlock", "seccomp")}


@cache
def refusal(way):
    """Why this system does not grant a way, or ''."""
    try:
        Sandbox(layers=WAYS[way]).protections()
    except ConfigError as problem:
        return str(problem)
    return ""


def needed(way):
    if refusal(way):
        pytest.skip(f"this system does not grant it: {refusal(way)}")


def opened(way, limits=LIMITS, workers=2):
    needed(way)
    return Sandbox(limits, workers=workers, layers=WAYS[way]).__enter__()


@pytest.fixture(scope="module", params=WAYS)
def sandbox(request):
    made = opened(request.param)
    yield made
    made.__exit__()


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """What programs would like to reach: a secret, a server, the caller."""
    secret = tmp_path_factory.mktemp("outside") / "secret"
    secret.write_text("untouched")
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {"file": str(secret), "port": server.getsockname()[1], "caller": os.getpid()}


def ran(sandbox, *sources, **more):
    programs = [Program(source=source, **more) for source in sources]
    outcomes = dict(sandbox.run(programs))
    return [outcomes[number] for number in range(len(programs))]


@pytest.fixture(scope="module")
def outcomes(sandbox, outside):
    files, stdin = {"attack.py": ATTACK}, json.dumps(outside)
    programs = [Program(source=s, files=files, stdin=stdin) for s, _, _ in HOSTILE.values()]
    programs[list(HOSTILE).index("reading without input")] = Program(source="input()")
    names = list(HOSTILE)
    return {names[number]: outcome for number, outcome in sandbox.run(programs)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_is_contained_and_told_rightly(outcomes, name):
    outcome = outcomes[name]
    _, kind, words = HOSTILE[name]
    assert outcome.kind == kind, outcome
    assert words in outcome.reason + outcome.output, outcome
    assert "ESCAPED" not in outcome.output, outcome
    assert len(outcome.output) + len(outcome.errors) <= LIMITS.output


def test_nothing_is_left_of_hostile_programs(outcomes, sandbox, outside):
    assert Path(outside["file"]).read_text() == "untouched"
    every = psutil.Process().children(recursive=True)  # those of other tests, too
    keepers = [process for process in every if "sandbox" in " ".join(process.cmdline())]
    assert len(keepers) == 2 * sandbox.workers, keepers
    assert {process.status() for process in keepers} <= {"sleeping", "running"}
    assert ran(sandbox, "import os\nprint(os.listdir())")[0].output == "[]\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_the_kernel_s_other_doors_are_shut(sandbox):
    body = "\n".join(f"kernel{numbers}" for numbers in KERNEL.values()).replace(
        "kernel(", "kernel("
    )
    (outcome,) = ran(sandbox, attack(body), files={"attack.py": ATTACK})
    assert dict(zip(KERNEL, outcome.output.splitlines(), strict=True)) == dict.fromkeys(
        KERNEL, "refused"
    )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="this is its machine code")
def test_calls_of_another_architecture_kill(sandbox):
    source = (
        "import ctypes, mmap\n"
        "page = mmap.mmap(-1, 4096, prot=7)\n"
        "page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))  # getpid as i386 has it\n"
        "place = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "print(ctypes.CFUNCTYPE(ctypes.c_int)(place)())\n"
    )
    (outcome,) = ran(sandbox, source)
    assert outcome.kind == "killed"
    assert outcome.reason in ("Bad system call (signal 31)", "Segmentation fault (signal 11)")


ENDLESS = {
    "asleep": "import time\ntime.sleep(10**6)",
    "busy and deaf": (
        "import signal\nfor number in range(1, 65):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
        "while True: pass"
    ),
    "stopped": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "waiting for its thread": (
        "import threading\nthreading.Thread(target=threading.Event().wait).start()"
    ),
    "at its end": "import atexit, time\natexit.register(time.sleep, 10**6)",
}


@pytest.mark.parametrize("way", WAYS)
def test_programs_without_end_are_ended(way):
    sandbox = opened(way, Limits(seconds=0.4), workers=5)
    try:
        started = time.monotonic()
        outcomes = ran(sandbox, *ENDLESS.values())
        took = time.monotonic() - started
    finally:
        sandbox.__exit__()
    for name, outcome in zip(ENDLESS, outcomes, strict=True):
        assert outcome.kind == "timed out", (name, outcome)
        assert outcome.reason == "more than 0.4 seconds"
        assert outcome.seconds >= 0.4
    assert took < 10, "five at once"


def test_the_processor_s_seconds_are_limited_too():
    limited = Sandbox(Limits(seconds=20, cpu_seconds=1), workers=1)
    (outcome,) = ran(limited, "while True: pass")
    assert (outcome.kind, outcome.reason) == ("timed out", "more than 1 seconds of the processor")


def test_programs_do_what_programs_do(sandbox):
    sources = [
        "print(input()[::-1])",
        "import asyncio\nprint(asyncio.run(asyncio.sleep(0.001, 'slept')))",
        "import threading\nt = threading.Thread(target=print, args=('said',))\nt.start()",
        "import ctypes\nprint(ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)())",
        "import ssl, sqlite3, lzma, zoneinfo\nprint(zoneinfo.ZoneInfo('UTC'))",
        "import helper.one\nprint(helper.one.value, open('data.txt').read())",
        "from dataclasses import dataclass\n@dataclass\nclass A: x: int\n"
        "import pickle\nprint(pickle.loads(pickle.dumps(A(3))), __name__)",
        "import sys\nprint('left')\nsys.settrace(lambda *_: 1 / 0)",
        "import atexit, sys\natexit.register(print, 'last words')",
    ]
    files = {"helper/one.py": "value = 'imported'", "data.txt": "é"}
    outcomes = ran(sandbox, *sources, stdin="añb\n", files=files)
    said = ["bña", "slept", "said", "7", "UTC", "imported é", "A(x=3) __main__", "left"]
    said.append("last words")
    assert [outcome.output.strip() for outcome in outcomes] == said
    assert all(outcome.passed and outcome.finished for outcome in outcomes)
    assert [outcome.reason for outcome in outcomes] == [""] * len(sources)


def test_a_failure_is_shown_with_its_line(sandbox):
    (outcome,) = ran(sandbox, "def f(x):\n    return 1 / x\n\nf(0)\n")
    assert outcome.reason == "ZeroDivisionError: division by zero"
    assert 'File "program.py", line 2, in f\n    return 1 / x\n' in outcome.errors
    assert "sandbox" not in outcome.errors, "frames of ours are nobody's business"


def test_an_early_way_out_passes_unfinished(sandbox):
    early = ["import sys\nsys.exit(0)", "import os\nos._exit(0)", "raise SystemExit", "exit()"]
    for outcome in ran(sandbox, *early):
        assert (outcome.passed, outcome.finished) == (True, False)


def test_a_program_leaves_nothing_to_the_next(sandbox):
    spoil = (
        "import builtins, json, os, sys\nopen('left', 'w').write('x')\nos.mkdir('a', 0)\n"
        "builtins.print = json.dumps = sys.exit = None\nsys.stdin.close()\nsys.modules.clear()\n"
        "secret = 'xyzzy' * 100"
    )
    look = (
        "import gc, os\nprint(os.listdir(), [x for x in gc.get_objects() if 'xyzzy' * 9 in str(x)])"
    )
    for _ in range(2):
        outcomes = ran(sandbox, *[spoil] * 2)
        assert all(outcome.passed for outcome in outcomes), outcomes
        assert ran(sandbox, look)[0].output.startswith("[] [")
        assert "xyzzyxyzzy" * 40 not in ran(sandbox, look)[0].output


def test_what_is_started_ends_with_its_program():
    limits = Limits(seconds=20, processes=6)
    sandbox = opened("namespaces", limits, workers=1)
    before = len(psutil.Process().children(recursive=True))
    daemon = (
        "import os, signal, time\n"
        "for _ in range(2):\n    if os.fork(): break\n    os.setsid()\n"
        "else:\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n    time.sleep(10**6)\n"
    )
    bomb = "import os\nwhile True:\n    os.fork()"
    parallel = "import multiprocessing as m\nwith m.Pool(2) as pool: print(pool.map(abs, [-1, -2]))"
    again = (
        "import subprocess, sys\nprint(subprocess.check_output([sys.executable, '-c', 'print(5)']))"
    )
    try:
        outcomes = ran(sandbox, daemon, bomb, parallel, again)
        assert [outcome.kind for outcome in outcomes] == ["passed", "failed", "passed", "passed"]
        assert "BlockingIOError" in outcomes[1].reason
        assert [o.output for o in outcomes[2:]] == ["[1, 2]\n", "b'5\\n'\n"]
        assert outcomes[0].seconds < 10
        assert len(psutil.Process().children(recursive=True)) == before
    finally:
        sandbox.__exit__()


def test_the_folder_has_a_size():
    full = "for i in range(99):\n    open(str(i), 'wb').write(bytes(10**6))"
    sandbox = opened("namespaces", Limits(folder=3 * 2**20), workers=1)
    try:
        many = "for i in range(10**5): open(str(i), 'w')"
        for outcome in ran(sandbox, full, many):
            assert "No space left on device" in outcome.reason
        assert ran(sandbox, "open('x', 'wb').write(bytes(10**6))")[0].passed, "emptied"
    finally:
        sandbox.__exit__()


def test_namespaces_alone_keep_from_network_and_processes(outside):
    sandbox = Sandbox(LIMITS, workers=1, layers=("namespaces",))
    if sandbox.protections().missing:
        pytest.skip("namespaces are not permitted here")
    source = attack(
        "import socket\nrefused(socket.create_connection, ('127.0.0.1', facts['port']), 1)\n"
        "refused(os.kill, facts['caller'], 0)\nrefused(open, facts['file'])\n"
        "refused(os.chroot, '.')\nrefused(open, '/usr/x', 'w')\n"
        "print('refused' if libc.unshare(0x10000000) else 'ESCAPED to be root within')"
    )
    programs = [Program(source=source, files={"attack.py": ATTACK}, stdin=json.dumps(outside))]
    ((_, outcome),) = sandbox.run(programs)
    assert outcome.output == "refused\n" * 6, outcome


KEYS = """
import ctypes
from practicum.symbolic.sandbox import *
keys = ctypes.CDLL(None, use_errno=True).syscall
if keys(250, 1, None) == -1 or keys(248, b"user", b"practicum", b"secret", 6, -3) == -1:
    raise SystemExit(3)
source = "import ctypes\\nprint(ctypes.CDLL(None).syscall(250, 10, -3, b'user', b'practicum', 0))"
with Sandbox(workers=1, layers=("namespaces",)) as sandbox:
    ((_, outcome),) = sandbox.run([Program(source=source)])
print(outcome.output, keys(250, 10, -3, b"user", b"practicum", 0) > 0)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_the_keys_of_the_caller_are_not_the_program_s():
    needed("namespaces")
    done = subprocess.run(
        [sys.executable, "-c", KEYS],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
    )
    if done.returncode == 3:
        pytest.skip("this kernel keeps no keys, or not for us")
    assert done.stdout.split() == ["-1", "True"], done.stderr


def test_results_come_as_they_end_and_programs_are_taken_as_places_get_free(sandbox):
    taken = []

    def programs():
        for number in range(5):
            taken.append(number)
            yield Program(source=f"import time\ntime.sleep({0.6 if number == 0 else 0.01})")

    order = []
    for number, outcome in sandbox.run(programs()):
        assert outcome.passed
        order.append(number)
        assert len(taken) <= len(order) + 2
    assert sorted(order) == list(range(5))
    assert order[-1] == 0


def test_who_stops_listening_stops_the_programs(sandbox):
    endless = [Program(source="x = 1"), Program(source="while True: pass")]
    run = sandbox.run(endless)
    next(run)
    with pytest.raises(ConfigError, match="runs programs already"):
        next(sandbox.run(endless))
    started = time.monotonic()
    run.close()
    assert time.monotonic() - started < 5
    assert ran(sandbox, "print(1)")[0].output == "1\n"


def test_a_keeper_that_is_killed_is_told_and_replaced(sandbox):
    source = "import time\ntime.sleep(30)"
    run = sandbox.run([Program(source=source)])
    killer = threading.Timer(0.3, sandbox._lanes[0].process.kill)
    killer.start()
    outcome = next(run)[1]
    run.close()
    killer.join()
    assert outcome.kind == "killed"
    assert "process is gone" in outcome.reason
    assert ran(sandbox, "print(1)", "print(2)")[1].output == "2\n"
    sandbox._lanes[0].process.kill()
    sandbox._lanes[0].process.wait()
    select.select([sandbox._lanes[0]], [], [], 10)  # the keeper ends with what waits for it
    assert [o.output for o in ran(sandbox, "print(1)", "print(2)")] == ["1\n", "2\n"]


def test_the_thread_that_opened_it_may_end(sandbox):
    made = Sandbox(LIMITS, workers=1, layers=sandbox.layers)
    thread = threading.Thread(target=made.__enter__)
    thread.start()
    thread.join()
    try:
        assert ran(made, "print(1)")[0].passed
    finally:
        made.__exit__()


CALLER = """
import os, psutil, sys
from practicum.symbolic.sandbox import *
with Sandbox(Limits(seconds=60), workers=2, layers=sys.argv[1].split()) as sandbox:
    deaf = "import ctypes, time\\nctypes.CDLL(None).prctl(1, 0)\\ntime.sleep(60)"
    asleep = Program(source=deaf)  # it has asked not to be told when its keeper ends
    run = sandbox.run([Program(source="print()"), asleep, asleep])
    next(run)
    import time
    time.sleep(0.1)
    print(*[lane.folder or "/nowhere" for lane in sandbox._lanes])
    print(*[process.pid for process in psutil.Process().children(recursive=True)], flush=True)
    if os.fork() == 0:  # a copy of the caller, which holds its files
        sys.stdin.read()
        os._exit(0)
    next(run)
"""


@pytest.mark.parametrize(
    ("way", "end"),
    [
        ("namespaces", signal.SIGKILL),
        ("namespaces", signal.SIGINT),
        ("landlock", signal.SIGKILL),
    ],
)
def test_nothing_outlives_its_caller(way, end):
    needed(way)
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, " ".join(WAYS[way])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
    ) as caller:
        assert caller.stdout is not None
        folders = caller.stdout.readline().split()
        processes = [int(word) for word in caller.stdout.readline().split()]
        assert len(processes) >= 3, "keepers and a program at least"
        caller.send_signal(end)
        caller.wait(20)
        until = time.monotonic() + 10
        while any(map(lives, processes)) and time.monotonic() < until:
            time.sleep(0.02)
    assert [number for number in processes if lives(number)] == []
    assert not any(map(os.path.exists, folders))


def lives(number):
    """Whether a process runs; an orphan that has ended may wait for the system's first one."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


USER = """
import json, sys
from practicum.symbolic.sandbox import *
for layers in (("namespaces", "seccomp"), ("landlock", "seccomp")):
    with Sandbox(Limits(seconds=20, memory=128 * 2**20), workers=1, layers=layers) as sandbox:
        program = Program(source=sys.argv[1], files={"attack.py": sys.argv[2]}, stdin=sys.argv[3])
        for _, outcome in sandbox.run([program, Program(source="x = bytearray(10**9)")]):
            print(json.dumps([outcome.kind, outcome.output]))
        assert not sandbox.protections().nobody
        source = "import resource\\nprint(resource.getrlimit(resource.RLIMIT_NPROC)[1])"
        ((_, outcome),) = sandbox.run([Program(source=source)])
        assert int(outcome.output) < 2100, outcome  # that user has a handful of tasks
"""


def test_an_ordinary_user_is_as_safe(outside):
    """Needs root, to become one, and a Python that everybody may read."""
    python, library = "/usr/bin/python3.11", Path(__file__).parents[2] / "src"
    if os.geteuid() != 0 or not os.path.exists(python):
        pytest.skip("not root, or no Python of the system")
    for way in WAYS:
        needed(way)
    names = ("files outside", "secrets", "signals to others", "sockets", "the system's modes")
    body = "\n".join(HOSTILE[name][0].replace("from attack import *\n", "") for name in names)
    mine = subprocess.Popen(["/bin/sleep", "60"], user=4321)  # a process of that user
    try:
        done = subprocess.run(
            [python, "-c", USER, attack(body), ATTACK, json.dumps(outside | {"caller": mine.pid})],
            user=4321, group=4321, extra_groups=[], capture_output=True, text=True, cwd="/",
            env={"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert mine.poll() is None, "killed from the sandbox"
    finally:
        mine.kill()
        mine.wait()
    if "No module named" in done.stderr or "ermission denied" in done.stderr:
        pytest.skip("the library lies where an ordinary user cannot read it")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [kind for kind, _ in lines] == ["passed", "out of memory"] * 2, lines
    for _, output in lines[::2]:
        assert "ESCAPED" not in output
        assert output.count("refused") > 40


def test_without_essential_layers_it_refuses_unless_forced():
    with pytest.raises(ConfigError, match="keeps a program from network, processes, files; let"):
        list(Sandbox(layers=()).run([Program(source="")]))
    with pytest.raises(ConfigError, match="keeps a program from network, processes; let"):
        list(Sandbox(layers=("landlock",)).run([Program(source="")]))
    with pytest.raises(ConfigError, match="only in namespaces may a program have 2 processes"):
        Sandbox(Limits(processes=2), layers=WAYS["landlock"]).protections()
    forced = Sandbox(LIMITS, layers=(), forced=True, workers=1)
    daemon = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n    time.sleep(60)"
    )
    before = len(psutil.Process().children(recursive=True))
    (passed, ended) = ran(forced, "print(1)", daemon)
    assert (passed.output, ended.kind) == ("1\n", "passed")
    assert len(psutil.Process().children(recursive=True)) == before, "even here nothing is left"


def test_nothing_outlives_a_keeper_that_is_killed():
    murder = (
        "import ctypes, os, time\nctypes.CDLL(None).prctl(1, 0)\n"  # not to end with its keeper
        "os.kill(os.getppid(), 9)\ntime.sleep(60)"
    )
    with Sandbox(LIMITS, layers=(), forced=True, workers=1) as forced:
        folder = str(forced._lanes[0].folder)
        (outcome,) = ran(forced, murder)
    assert outcome.kind == "killed"
    assert "process is gone" in outcome.reason
    every = [
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    ]
    assert [words for words in every if folder in words] == []
    assert not os.path.exists(folder)


def test_what_cannot_be_is_refused_in_one_line():
    for name in ("/etc/x", "../x", "a/../../x", ""):
        with pytest.raises(ConfigError, match="expected a relative path"):
            Program(source="", files={name: ""})
    with pytest.raises(ConfigError, match="Limits.seconds is 0"):
        Limits(seconds=0.0)
    for number in (math.inf, math.nan):
        with pytest.raises(ConfigError, match=f"Limits.seconds is {number}"):
            Limits(seconds=number)
    with pytest.raises(ConfigError, match="Python needs 64 MiB"):
        Limits(memory=1)
    with pytest.raises(ConfigError, match="cpu_seconds is 0"):
        Limits(cpu_seconds=0)
    with pytest.raises(ConfigError, match="0 workers"):
        Sandbox(workers=0)


def test_a_fork_of_the_caller_does_not_end_its_sandbox(sandbox):
    child = os.fork()
    if child == 0:
        sandbox.__exit__()
        os._exit(0)
    os.waitpid(child, 0)
    assert ran(sandbox, "print(1)", "print(2)")[0].output == "1\n"


def test_a_fork_of_the_caller_runs_its_programs_elsewhere(sandbox):
    theirs = ["print(1)", "import time\ntime.sleep(0.5)\nprint('theirs')"]
    child = os.fork()
    if child == 0:
        run = sandbox.run([Program(source=source) for source in theirs])
        next(run)
        os._exit(0)  # while the other program runs
    assert os.waitpid(child, 0)[1] == 0
    assert [o.output for o in ran(sandbox, "print(1)", "print(2)")] == ["1\n", "2\n"]


def test_a_fork_of_the_caller_does_not_stop_what_runs(sandbox):
    mine = ["print(1)", "import time\ntime.sleep(0.5)\nprint(2)"]
    run = sandbox.run([Program(source=source) for source in mine])
    assert next(run)[1].output == "1\n"
    child = os.fork()
    if child == 0:
        run.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert select.select(sandbox._lanes, [], [], 20)[0], "the answer is still there"
    assert next(run)[1].output == "2\n"
    run.close()


CLOSED = """
import json, os, sys
kept = os.dup(1)
for number in json.loads(sys.argv[2]):
    os.close(number)
from practicum.symbolic.sandbox import *
source = "import sys; print(sys.stdin.read(), 1); print(2, file=sys.stderr)"
with Sandbox(workers=1, layers=sys.argv[1].split()) as sandbox:
    ((_, outcome),) = sandbox.run([Program(source=source, stdin="in")])
os.write(kept, json.dumps([outcome.output, outcome.errors]).encode())
"""


@pytest.mark.parametrize("closed", [[0], [2], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_the_caller_needs_no_standard_files(way, closed):
    needed(way)
    done = subprocess.run(
        [sys.executable, "-c", CLOSED, " ".join(WAYS[way]), str(closed)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
    )
    assert json.loads(done.stdout) == ["in 1\n", "2\n"]


def test_closing_it_ends_a_run_that_goes_on(sandbox):
    made = Sandbox(LIMITS, workers=1, layers=sandbox.layers)
    with made:
        run = made.run([Program(source="print(1)"), Program(source="while True: pass")] * 2)
        assert next(run)[1].output == "1\n"
    run.close()
    assert ran(made, "print(2)")[0].output == "2\n"
