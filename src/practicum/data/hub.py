"""Data sets of the Hugging Face hub as corpora, where the package `datasets` is installed.

    hf:NAME[:CONFIG[:SPLIT[:COLUMN]]]     such as hf:roneneldan/TinyStories::validation

An empty part is the usual one: no configuration, the split "train", the column "text". Rows are
kept in memory; name a part of a large set, as in hf:NAME::train[:10000].
"""

import logging
import re
from collections.abc import Iterable
from typing import Any

from practicum.data.documents import Corpus, Document
from practicum.data.rows import row_text
from practicum.errors import DataError

PARTS = re.compile(r"hf:([^:\s]+)(?::([^:]*))?(?::([^:\[]*(?:\[[^\]]*\])?))?(?::([^:]+))?")


def hub_corpus(reference: str, *, field: str = "text") -> Corpus:
    """The corpus `hf:…` names; its documents are the rows, their ids "<name>:<split>:<number>".

    Raises DataError: not of that form, no `datasets`, not reachable, no such set, split or column.
    """
    parts = PARTS.fullmatch(reference)
    if parts is None:
        raise DataError(f"'{reference}' is not hf:NAME[:CONFIG[:SPLIT[:COLUMN]]]")
    name, configuration, split, column = parts.groups()
    split, column = split or "train", column or field
    whole = re.sub(r"\[:[^\]]*\]$", "", split)  # row 7 is the same one in train[:10] and in train
    rows, licence = _rows(name, configuration or None, split)
    documents = tuple(
        Document(
            id=f"{name}:{whole}:{number}",
            text=row_text(row, column, f"{name} row {number}"),
            source=f"huggingface.co/datasets/{name}",
            licence=licence,
        )
        for number, row in enumerate(rows)
    )
    source = f"huggingface.co/datasets/{name}"
    return Corpus(name=name, licence=licence, source=source, documents=documents)


def _rows(name: str, configuration: str | None, split: str) -> tuple[Iterable[Any], str]:
    try:
        import datasets  # pyright: ignore[reportMissingImports]  (an extra)
    except ImportError as problem:
        raise DataError(
            f"hf:{name} needs the package datasets; run: pip install datasets"
        ) from problem
    datasets.disable_progress_bars()  # the library is silent, also where it waits for a network
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        rows = datasets.load_dataset(name, configuration, split=split)
    except Exception as problem:  # the package raises dozens of kinds, some of other packages
        reason = (str(problem).strip().split("\n")[0] or type(problem).__name__)[:160]
        raise DataError(f"cannot bring hf:{name} split '{split}': {reason}") from problem
    return rows, rows.info.license or "see its page"
