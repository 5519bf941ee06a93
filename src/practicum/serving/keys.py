"""Who may ask: API keys, of which a server keeps the SHA-256 digests alone."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from practicum.errors import ConfigError

FEWEST = 16  # characters, so that nobody guesses one
REMARK = re.compile(r"(?:^|\s)#")


@dataclass(frozen=True)
class Keys:
    """The digest of each key, and the name it has in logs."""

    digests: tuple[tuple[bytes, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.digests)

    def owner(self, given: str) -> str | None:
        """The name of the key `given`; None where it is none.

        Every key is compared, and each in constant time, so that the time tells nothing.
        """
        digest = _digest(given)
        found = None
        for known, name in self.digests:
            if hmac.compare_digest(known, digest):
                found = name
        return found


def keys_of(lines: Iterable[str]) -> Keys:
    """Keys, one a line, each with or without a name before it; ` #` begins a remark.

    Raises ConfigError for a line of another form, and for a key that is short, stands twice, or
    holds what a header cannot say in one way alone.
    """
    digests: dict[bytes, str] = {}
    for number, line in enumerate(lines, 1):
        words = REMARK.split(line, maxsplit=1)[0].split()
        if not words:
            continue
        if len(words) > 2 or len(words[-1]) < FEWEST or not words[-1].isascii():
            raise ConfigError(
                f"line {number} of the keys is no key; expected KEY or NAME KEY, and a key of "
                f"{FEWEST} characters or more, all of ASCII"
            )
        digest = _digest(words[-1])
        if digest in digests:
            raise ConfigError(f"the key in line {number} stands there twice; give each its own")
        digests[digest] = words[0] if len(words) == 2 else f"key-{digest.hex()[:8]}"
    return Keys(tuple(digests.items()))


def read_keys(path: str | Path) -> Keys:
    """The keys in a file. Raises ConfigError where it holds none."""
    keys = keys_of(Path(path).read_text(encoding="utf-8").splitlines())
    if not keys:
        raise ConfigError(f"{path} holds no keys; expected one a line: KEY or NAME KEY")
    return keys


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
