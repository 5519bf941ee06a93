"""Loading a checkpoint of a billion parameters in bfloat16: ours and `transformers`; converting it.

Each load is a process of its own, since only so its highest memory can be told, and starts counting
when its library is imported. `transformers` maps the file and reads it when a weight is first used,
so a number of every page is looked at after loading, in both. The file is in the page cache for
both. The machine's limit is reading the file's bytes once.

    python benchmarks/loading.py [--width 2048] [--depth 18] [--rounds 3]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from measure import interleave, save, show, watching_load
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.hugging_face import write_folder

MEASURE = """
import json, sys, time
def peak():  # of this process alone: ru_maxrss would be its parent's, had that been larger
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
def read(model):  # a mapped file is read when it is first looked at: one number of every page
    return [float(p.detach().flatten()[::2048].sum()) for p in model.parameters()]
{imports}
warm, folder, out = sys.argv[1:]
def load(folder):
    {load}
load(warm)
before, start = peak(), time.perf_counter()
model = load(folder)
print(json.dumps(dict(seconds=time.perf_counter() - start, bytes=peak() - before)))
"""
HF = "import torch; from transformers import LlamaForCausalLM as Llama"
WAYS = {
    "practicum": MEASURE.format(
        imports="from practicum.models.hugging_face import read_folder",
        load="model = read_folder(folder); return model, read(model)",
    ),
    "transformers": MEASURE.format(
        imports=HF,
        load="m = Llama.from_pretrained(folder, dtype=torch.bfloat16); return m, read(m)",
    ),
    "transformers, unread": MEASURE.format(
        imports=HF, load="return Llama.from_pretrained(folder, dtype=torch.bfloat16)"
    ),
    "practicum convert": MEASURE.format(
        imports="from practicum.models.convert import convert",
        load="return convert(folder, out, layout='practicum')",
    ),
    "reading the bytes": MEASURE.format(
        imports="from pathlib import Path",
        load="return [f.read_bytes() for f in Path(folder).glob('*.safetensors')]",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--depth", type=int, default=18)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        large, small, out = (Path(place) / name for name in ("large", "small", "out"))
        shape = {"width": asked.width, "depth": asked.depth, "heads": asked.width // 64}
        model = build(llama(**shape), dtype=torch.bfloat16)
        parameters = sum(p.numel() for p in model.parameters())
        write_folder(model, large)
        write_folder(build(llama(width=64, depth=1, heads=1), dtype=torch.bfloat16), small)
        del model
        peaks: dict[str, list[int]] = {name: [] for name in WAYS}
        inside: dict[str, list[float]] = {name: [] for name in WAYS}

        def way(name: str) -> Callable[[], None]:
            def call() -> None:
                command = [sys.executable, "-c", WAYS[name], small, large, out]
                told = subprocess.run(command, check=True, capture_output=True, text=True)
                found = json.loads(told.stdout.splitlines()[-1])
                peaks[name].append(found["bytes"])
                inside[name].append(found["seconds"])

            return call

        with watching_load() as load:
            interleave({name: way(name) for name in WAYS}, rounds=asked.rounds)
    seconds = {name: values[1:] for name, values in inside.items()}  # without the warm-up's
    show(f"{parameters:,} parameters in bfloat16", seconds, "transformers")
    size = 2 * parameters
    highest = {name: max(values) / size for name, values in peaks.items()}
    print("  highest memory, of the checkpoint's bytes:", highest)
    middle = {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}
    save(
        "loading",
        {
            "parameters": parameters,
            "seconds": middle,
            "speedup": middle["transformers"] / middle["practicum"],
            "memory_of_checkpoint": highest,
            "foreign": load.foreign,
        },
    )


if __name__ == "__main__":
    main()
