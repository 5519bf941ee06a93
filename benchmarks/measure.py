"""How every benchmark measures: interleaved rounds, medians, foreign load, this machine's limits.

A benchmark compares within one process: all contestants run once per round, in turn, so that a slow
minute hits each of them alike. What counts is the ratio of medians. Times are seconds; foreign load
is the share of all CPU time that went to other processes meanwhile, and above `NOISY` a comparison
should not be believed. torch is imported only where a tensor is needed.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

NOISY = 0.15
RESULTS = Path(__file__).parent / "results"


def interleave(
    contestants: Mapping[str, Callable[[], object]], *, rounds: int = 5, warmup: int = 1
) -> dict[str, list[float]]:
    """Seconds of every call, per contestant, `rounds` of them after `warmup` unmeasured rounds.

    Each round starts with another contestant, so that none always follows the same neighbour.
    """
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warmup, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            contestants[name]()
            took = time.perf_counter() - start
            if number >= 0:
                seconds[name].append(took)
    return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each contestant's seconds."""
    return {name: statistics.median(values) for name, values in seconds.items()}


@dataclass
class Load:
    """What `watching_load` saw. `foreign` is a share in [0, 1], None before the block ends."""

    foreign: float | None = None

    @property
    def noisy(self) -> bool:
        """Whether too much else was running for the comparison to be believed."""
        return self.foreign is not None and self.foreign > NOISY


@contextmanager
def watching_load() -> Iterator[Load]:
    """Within the block, notice how much of the machine other processes use (Linux; else 0)."""
    load = Load()
    before = _cpu_seconds()
    try:
        yield load
    finally:
        load.foreign = _foreign_between(before, _cpu_seconds())


def foreign_share(seconds: float = 1.0) -> float:
    """Share of all CPU time that other processes take while this one sleeps for `seconds`."""
    with watching_load() as load:
        time.sleep(seconds)
    return load.foreign or 0.0


def _cpu_seconds() -> tuple[float, float, float]:
    """(busy, all, our own) CPU seconds so far; finished child processes count as our own."""
    used = os.times()
    own = used.user + used.system + used.children_user + used.children_system
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
    except OSError:
        return own, 0.0, own
    user, nice, system, idle, iowait, irq, softirq, steal = (int(n) / _ticks() for n in first)
    busy = user + nice + system + irq + softirq + steal
    return busy, busy + idle + iowait, own


def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")


def _foreign_between(before: tuple[float, ...], after: tuple[float, ...]) -> float:
    busy, total, own = (b - a for a, b in zip(before, after, strict=True))
    return max(0.0, busy - own) / total if total > 0 else 0.0


def limits(*, size: int = 1024, megabytes: int = 256) -> dict[str, float]:
    """What this machine can do at most, in float32 with torch's present number of threads.

    `matmul_gflops` (10⁹ multiply-adds ×2 per second, square matrices) and `memory_gb_s` (10⁹ bytes
    read per second from arrays far larger than the caches); the best of several tries each.
    """
    import torch

    a, b = torch.rand(size, size), torch.rand(size, size)
    large = torch.ones(megabytes * 2**20 // 4)
    with torch.inference_mode():
        multiply = min(interleave({"x": lambda: a @ b}, rounds=15, warmup=3)["x"])
        read = min(interleave({"x": large.sum}, rounds=7)["x"])
    return {
        "matmul_gflops": 2 * size**3 / multiply / 1e9,
        "memory_gb_s": large.nbytes / read / 1e9,
        "threads": float(torch.get_num_threads()),
    }


def machine() -> dict[str, Any]:
    """What a reader needs in order to place the numbers: processor, cores, versions."""
    versions = {}
    for package in ("practicum", "torch", "numpy", "transformers", "tokenizers", "tiktoken"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def save(name: str, result: Mapping[str, Any]) -> Path:
    """Write `result`, with the machine beside it, to `benchmarks/results/<name>.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    whole = {"benchmark": name, "machine": machine(), **result}
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    return path


def show(title: str, seconds: Mapping[str, list[float]], baseline: str) -> None:
    """Print median, fastest and slowest call per contestant, and the ratio to `baseline`."""
    middle = medians(seconds)
    width = max(map(len, seconds))
    print(f"{title}\n{'':{width}}    median       min       max  of {baseline}")
    for name, values in seconds.items():
        times = (middle[name], min(values), max(values))
        row = " ".join(f"{1000 * taken:7.1f}ms" for taken in times)
        print(f"{name:{width}} {row}  ×{middle[name] / middle[baseline]:.2f}")
