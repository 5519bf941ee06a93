"""Programs per second in the sandbox, beside a plain `python -c` for each, which protects nothing.

The program is `x = 1`, so that what is measured is what a program costs before it does anything. A
round runs 1,000 of them in the sandbox with one worker, 1,000 with two, and 50 as plain processes
one after the other. `python benchmarks/sandbox.py` prints programs per second and keeps them in
`benchmarks/results/sandbox.json`.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from measure import save, watching_load
from practicum.symbolic.sandbox import Program, Sandbox

PROGRAM = "x = 1"
MANY, FEW, ROUNDS = 1000, 50, 3


def main() -> None:
    """Run the contestants in turn, print, keep."""
    with Sandbox(workers=1) as one, Sandbox(workers=2) as two, watching_load() as load:
        contestants: dict[str, Callable[[], int]] = {
            "sandbox, 1 worker": lambda: sandboxed(one),
            "sandbox, 2 workers": lambda: sandboxed(two),
            "python -c": plain,
        }
        rates: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(ROUNDS):
            for name, run in contestants.items():
                started = time.perf_counter()
                count = run()
                rates[name].append(count / (time.perf_counter() - started))
        granted = one.protections()
    started = time.perf_counter()
    with Sandbox(workers=1):
        opening = time.perf_counter() - started
    middle = {name: statistics.median(values) for name, values in rates.items()}
    for name, rate in middle.items():
        shown = f"{rate:7.0f} programs a second, {1000 / rate:6.2f} ms each"
        print(f"{name:20} {shown}, ×{rate / middle['python -c']:.1f}")
    print(f"opening a sandbox of one worker: {1000 * opening:.0f} ms; {granted}")
    if load.noisy:
        print(f"NOISY: others used {load.foreign:.0%} of the machine")
    save(
        "sandbox",
        {
            "foreign_load": load.foreign,
            "programs": {"sandbox": MANY, "python -c": FEW},
            "programs_per_second": rates,
            "of_python_c": {name: rate / middle["python -c"] for name, rate in middle.items()},
            "opening_seconds": opening,
            "protections": asdict(granted),
        },
    )


def sandboxed(sandbox: Sandbox) -> int:
    """Run MANY programs; all have to pass."""
    for _, outcome in sandbox.run(Program(source=PROGRAM) for _ in range(MANY)):
        assert outcome.passed, outcome
    return MANY


def plain() -> int:
    """Run FEW programs as one would without a sandbox."""
    for _ in range(FEW):
        subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True)
    return FEW


if __name__ == "__main__":
    main()
