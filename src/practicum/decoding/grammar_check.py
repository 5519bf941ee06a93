"""A grammar from standard input is compiled; what is wrong with it goes to standard output.

`decoding.guidance` runs this file in a process of its own: what strangers ask for may take
llguidance minutes, or more stack than there is, and a crash there must not be one here. The
compiler gets a quarter of the usual stack, so that what passes here passes in any thread. Imports
nothing of ours, because every import is waited for.
"""

import sys
import threading

from llguidance import LLMatcher, LLTokenizer

STACK = 2**21  # bytes


def complaint(grammar: str) -> str:
    """llguidance's words on `grammar`; empty where at least one byte can be written under it."""
    matcher = LLMatcher(LLTokenizer("byte"), grammar, log_level=0)
    if not matcher.is_error() and not matcher.is_accepting():
        matcher.compute_logit_bias()
    return matcher.get_error()


def main() -> None:
    grammar = sys.stdin.read()
    threading.stack_size(STACK)
    thread = threading.Thread(target=lambda: sys.stdout.write(complaint(grammar)))
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
