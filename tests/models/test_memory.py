"""Loading needs the weights once: not twice, and not the file beside them."""

import subprocess
import sys
from pathlib import Path

import pytest

from practicum.models.build import build
from practicum.models.decoder import Decoder
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.save import save

# A process of its own, because the high-water mark of this one has long been higher.
MEASURE = """
import sys
from practicum.models.hugging_face import read_folder

def peak():  # of this process alone: ru_maxrss would be its parent's, had that been larger
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

read_folder(sys.argv[1])  # what the first model brings with it is not the second's
before = peak()
model = read_folder(sys.argv[2])
print((peak() - before) / sum(p.nbytes for p in model.parameters()))
"""
BIG = {  # about 120 MB each, no tensor of which is more than a tenth
    "gpt2": gpt2(width=512, depth=9, heads=8, vocab=5000),
    "llama": llama(width=512, depth=9, heads=8, kv_heads=2, hidden=1536, vocab=5000),
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its peak")
@pytest.mark.parametrize("family", BIG)
def test_loading_peaks_at_the_size_of_the_weights(family: str, tmp_path: Path):
    small: Decoder = llama(width=16, depth=1, heads=2, hidden=16, vocab=20)
    save(build(small), tmp_path / "small")
    save(build(BIG[family]), tmp_path / "big")
    folders = [str(tmp_path / "small"), str(tmp_path / "big")]
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, *folders], capture_output=True, text=True, check=True
    )
    assert 0.9 < float(told.stdout) < 1.2
