"""All that the architectures are compared on, a process for each pair; each saves its own numbers.

mamba     forward and backward at 1,024 tokens, and generation, against `transformers`
experts   Mixtral's forward and backward against `transformers`, eager and grouped
window    a sliding window at 8,192 tokens against the mask of all pairs
loading   a checkpoint of a billion parameters, seconds and memory, against `transformers`

python benchmarks/architectures.py [PAIR ...]
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PAIRS = {
    "mamba": ["--lengths", "256", "1024", "--alone", "--rounds", "3"],
    "experts": [],
    "window": [],
    "loading": [],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="*", metavar="PAIR", help=f"of {', '.join(PAIRS)}")
    asked = parser.parse_args().pairs or list(PAIRS)
    if strange := sorted(set(asked) - set(PAIRS)):
        parser.error(f"no pair {strange[0]!r}; there are {', '.join(PAIRS)}")
    for pair in asked:
        print(f"== {pair}", flush=True)
        subprocess.run([sys.executable, HERE / f"{pair}.py", *PAIRS[pair]], check=True)


if __name__ == "__main__":
    main()
