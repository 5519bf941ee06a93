"""Memory of a server under a long load: does it grow?

`practicum serve` with SmolLM2 answers a number of clients that ask without pause and leave, one in
four, in the middle of an answer. Every ten seconds its memory is noted; the slope after the first
tenth of the time, with its 95 % interval, is what grows by the hour. At the end no block may be
taken.

    python benchmarks/soak.py [--minutes 60] [--clients 8] [--bits 4]
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import numpy as np
import psutil
from scipy import stats

from measure import save
from practicum.serving.stated_load import SUBJECTS
from serve import Contestant, running

EVERY = 10.0  # seconds


async def asking(client: httpx2.AsyncClient, number: int, until: float, counts: list[int]) -> None:
    """Ask without pause; leave some answers in their middle."""
    draw = random.Random(number)
    while time.monotonic() < until:
        words = " ".join(draw.choices(SUBJECTS, k=draw.randint(2, 60)))
        body = {
            "model": "smollm2",
            "messages": [{"role": "user", "content": words}],
            "max_tokens": draw.randint(4, 96),
            "stream": True,
        }
        leaves = draw.randint(1, 8) if draw.random() < 0.25 else None
        async with client.stream("POST", "chat/completions", json=body) as answer:
            counts[answer.status_code != 200] += 1
            seen = 0
            async for _ in answer.aiter_lines():
                seen += 1
                if seen == leaves:
                    counts[2] += 1
                    break


async def soak(
    url: str, server: psutil.Process, seconds: float, clients: int
) -> tuple[list[tuple[float, int]], list[int]]:
    """Memory by time, and answers begun, refused and left."""
    counts, noted, start = [0, 0, 0], [], time.monotonic()
    async with httpx2.AsyncClient(base_url=url, timeout=600) as client:
        tasks = [
            asyncio.create_task(asking(client, number, start + seconds, counts))
            for number in range(clients)
        ]
        while not all(task.done() for task in tasks):
            noted.append((time.monotonic() - start, server.memory_info().rss))
            await asyncio.wait(tasks, timeout=EVERY)
        await asyncio.gather(*tasks)
    return noted, counts


def free_blocks(url: str) -> dict[str, float]:
    """What /metrics says of the engine's memory."""
    lines = httpx2.get(url.removesuffix("/v1") + "/metrics").text.splitlines()
    told = (line.rsplit(" ", 1) for line in lines if "block" in line and not line.startswith("#"))
    return {name: float(value) for name, value in told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--bits", default="4")
    asked = parser.parse_args()
    program = str(Path(sys.executable).parent / "practicum")
    command = [program, "serve", "--model", "smollm2", "--port", "{port}", "--bits", asked.bits]
    command += ["--memory", "0.3"]  # GB that are soon full of beginnings
    with tempfile.TemporaryDirectory() as folder:
        contestant = Contestant(name="practicum", command=command)
        with running(contestant, 8460, Path(folder) / "log.txt") as (url, _):
            here = psutil.Process().children()
            server = next(one for one in here if "serve" in one.cmdline())
            noted, counts = asyncio.run(soak(url, server, 60 * asked.minutes, asked.clients))
            time.sleep(2)
            blocks = free_blocks(url)
    times, memory = np.array(noted[len(noted) // 10 :]).T
    fit = stats.linregress(times / 3600, memory / 1e6)
    interval = fit.stderr * stats.t.ppf(0.975, max(1, len(times) - 2))
    noise = float(np.std(memory / 1e6 - fit.intercept - fit.slope * times / 3600))
    print(f"{counts[0]} answers begun, {counts[2]} of them left, {counts[1]} refused")
    print(f"memory {memory[0] / 1e6:.0f} → {memory[-1] / 1e6:.0f} MB, noise {noise:.1f} MB")
    print(f"slope {fit.slope:+.1f} ± {interval:.1f} MB an hour; blocks {blocks}")
    save(
        "soak",
        {
            "minutes": asked.minutes,
            "answers": counts[0],
            "left": counts[2],
            "megabytes": [round(value / 1e6, 1) for _, value in noted],
            "slope_mb_per_hour": fit.slope,
            "interval": interval,
            "noise_mb": noise,
            "blocks": blocks,
        },
    )


if __name__ == "__main__":
    main()
