"""Servers under load: ours, `transformers serve` and llama.cpp's, each with SmolLM2-135M.

Every server runs alone in a process of its own, one after the other in one run, on two threads, and
is asked by 1, 4 and 16 clients over OpenAI's chat route: prompts of 25 words, answers of 64 tokens,
streamed. Ours and `transformers` hold the weights in float32; llama.cpp in float32, float16 and as
the packaged Q4_1 file. llama.cpp comes with `pip install xllamacpp`, and is left out without it.

    python benchmarks/serve.py [--only practicum …] [--clients 1 4 16] [--requests 3]
"""

import argparse
import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np

from measure import limits, save, watching_load
from practicum.data.fetch import ensure
from practicum.errors import DataError
from practicum.models.convert import convert
from practicum.serving.stated_load import Measured, StatedLoad, under_load

LLAMA_CPP = """
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port = sys.argv[1], int(sys.argv[2])
params.n_parallel, params.n_ctx = 16, 16 * 512
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
server = xllamacpp.Server(params)
time.sleep(10**6)
"""
WORST = 300.0  # seconds that one load may take before a server is left


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A server: its command, with the port yet to be filled in."""

    name: str
    command: Sequence[str]


def contestants(folder: Path, only: Sequence[str]) -> Iterator[Contestant]:
    """The servers that are asked for and installed, each with its model."""
    programs, gguf = Path(sys.executable).parent, str(ensure("smollm2"))
    serve = [str(programs / "practicum"), "serve", "--model", "smollm2", "--port", "{port}"]
    peer = [str(programs / "transformers"), "serve", str(folder / "hf"), "--port", "{port}"]
    batching = [*peer, "--continuous-batching", "--dtype", "float32", "--device", "cpu"]
    llama = [sys.executable, "-c", LLAMA_CPP]
    known = {
        "practicum": serve,
        "practicum int8": [*serve, "--bits", "8"],
        "practicum int4": [*serve, "--bits", "4"],
        "transformers": batching,
        "llama.cpp F32": [*llama, str(folder / "f32.gguf"), "{port}"],
        "llama.cpp F16": [*llama, str(folder / "f16.gguf"), "{port}"],
        "llama.cpp Q4_1": [*llama, gguf, "{port}"],
    }
    here = importlib.util.find_spec("xllamacpp") is not None
    for name, command in known.items():
        if only and name not in only:
            continue
        if command[1] == "-c" and not here:
            print(f"{name}: left out; pip install xllamacpp")
            continue
        if name == "transformers":
            convert("smollm2", folder / "hf", layout="transformers")
        if name.endswith(("F32", "F16")):
            _write_gguf(Path(gguf), folder / f"{name[-3:].lower()}.gguf", name[-3:])
        yield Contestant(name=name, command=command)


def _write_gguf(source: Path, target: Path, kind: str) -> None:
    """The same model with its numbers written out."""
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, dequantize

    reader = GGUFReader(source)
    writer = GGUFWriter(target, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        first, inner = field.types[0], field.types[-1]
        sub = inner if first == GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), first, sub_type=sub)
    number = np.float32 if kind == "F32" else np.float16
    for tensor in reader.tensors:
        values = dequantize(tensor.data, GGMLQuantizationType(tensor.tensor_type))
        writer.add_tensor(tensor.name, values.astype(number if values.ndim > 1 else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@contextmanager
def running(contestant: Contestant, port: int, log: Path) -> Iterator[tuple[str, float]]:
    """The server's URL, and the seconds that it took to answer for the first time."""
    command = [part.replace("{port}", str(port)) for part in contestant.command]
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1"}
    start = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}/v1"
    try:
        _wait(process, f"{url}/models", log)
        yield url, time.perf_counter() - start
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise DataError(f"the server ended: {log.read_text(errors='replace')[-500:]}")
        try:
            if httpx2.get(url, timeout=2).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise DataError(f"nothing at {url} after two minutes")


async def loads(url: str, clients: Sequence[int], requests: int) -> list[Measured]:
    """What the server does under each load, as far as it gets."""
    warm = StatedLoad(clients=1, requests=1, words=8, tokens=4, seed=-1)
    await under_load(url, warm)
    found: list[Measured] = []
    for count in clients:
        load = StatedLoad(clients=count, requests=requests)
        try:
            found.append(await asyncio.wait_for(under_load(url, load), WORST))
        except (TimeoutError, DataError) as problem:
            print(f"  {count} clients: {problem or f'not done in {WORST:.0f} s'}")
            break
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 4, 16])
    parser.add_argument("--requests", type=int, default=3)
    asked = parser.parse_args()
    results: dict[str, object] = {"limits": limits()}
    with tempfile.TemporaryDirectory() as name, watching_load() as machine:
        for number, contestant in enumerate(contestants(Path(name), asked.only)):
            log = Path(name) / "log.txt"
            try:
                with running(contestant, 8450 + number, log) as (url, seconds):
                    print(f"{contestant.name}: first answer after {seconds:.1f} s")
                    found = asyncio.run(loads(url, asked.clients, asked.requests))
            except DataError as problem:
                print(f"{contestant.name}: {problem}")
                continue
            for one in found:
                row = one.row()
                print(
                    f"  {row['clients']:2} clients {row['tokens_per_second']:7.1f} tokens/s"
                    f"   first text {row['first_text_p50']:.2f} s"
                    f"   between pieces {row['between_pieces_p50'] * 1000:.0f} ms"
                    f"   failed {row['failed']}"
                )
            results[contestant.name] = {"start": seconds, "loads": [one.row() for one in found]}
    print(f"foreign load (servers count as foreign): {machine.foreign:.2f}")
    save("serve", results)


if __name__ == "__main__":
    main()
