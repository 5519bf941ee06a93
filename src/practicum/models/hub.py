"""Models of the Hugging Face hub: brought by `huggingface_hub`, or found in its cache."""

import importlib.util
import os
from pathlib import Path

from practicum.errors import AssetError

# What a model needs; pickled weights, pictures and other frameworks' copies stay there.
_PATTERNS = ["*.json", "*.safetensors", "*.jinja", "*.model"]


def snapshot(name: str) -> Path:
    """The folder of the hub's model `owner/name`, brought unless it is in the cache.

    Raises AssetError: `huggingface_hub` is not installed, no such model, or no network.
    """
    if importlib.util.find_spec("huggingface_hub") is None:
        raise AssetError(
            f"there is no folder {name} here; to bring a model of this name from the Hugging Face "
            "hub, `pip install 'practicum[hub]'`"
        )
    from huggingface_hub import snapshot_download  # an extra, and slow to import

    try:
        return Path(snapshot_download(name, allow_patterns=_PATTERNS))
    except (OSError, ValueError, RuntimeError) as problem:
        reason = " ".join(str(problem).split())
        shown = reason if len(reason) <= 200 else reason[:199] + "…"
        raise AssetError(
            f"there is no folder {name} here, and the hub gives no model of this name: {shown}"
        ) from problem


def cached() -> dict[str, Path]:
    """Names in the hub's cache and their newest snapshots that hold a model's configuration."""
    found: dict[str, Path] = {}
    for folder in sorted(_cache().glob("models--*--*")):
        snapshots = [path.parent for path in folder.glob("snapshots/*/config.json")]
        if snapshots:
            name = folder.name.removeprefix("models--").replace("--", "/", 1)
            found[name] = max(snapshots, key=lambda path: path.stat().st_mtime)
    return found


def _cache() -> Path:
    """Where `huggingface_hub` keeps what it brought, by the same variables."""
    root = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface"
    )
    return Path(os.environ.get("HF_HUB_CACHE") or os.path.join(root, "hub")).expanduser()
