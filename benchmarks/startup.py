"""How long a person waits for the command line: whole processes, from start to exit.

Against a bare interpreter (the floor), `import torch` and `import transformers` (what a command
line that imports its library first would cost). Goals: `--help`, `list` and `show` without torch.
"""

import subprocess
import sys
from pathlib import Path

from measure import interleave, medians, save, show, watching_load

PRACTICUM = str(Path(sys.executable).with_name("practicum"))
COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "import practicum": [sys.executable, "-c", "import practicum"],
    "practicum --help": [PRACTICUM, "--help"],
    "practicum list": [PRACTICUM, "list"],
    "practicum show gpt2": [PRACTICUM, "show", "gpt2"],
    "import torch": [sys.executable, "-c", "import torch"],
    "import transformers": [sys.executable, "-c", "from transformers import AutoModelForCausalLM"],
}


def main() -> None:
    runs = {
        name: lambda command=command: subprocess.run(command, check=True, capture_output=True)
        for name, command in COMMANDS.items()
    }
    with watching_load() as load:
        seconds = interleave(runs, rounds=7)
    show("start to exit", seconds, "import torch")
    print(f"foreign load {load.foreign:.0%}{' (noisy: do not believe this)' * load.noisy}")
    save("startup", {"seconds": seconds, "medians": medians(seconds), "foreign": load.foreign})


if __name__ == "__main__":
    main()
