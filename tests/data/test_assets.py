"""The catalogue is complete and consistent, and reading it is quick."""

import re
import subprocess
import sys

import pytest

from practicum.data.assets import Asset, Source, asset, assets
from practicum.data.fetch import locate, verify
from practicum.errors import UnknownName

ROWS = list(assets().values())
SOURCES = [source for row in ROWS for source in row.sources]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_says_what_a_person_wants_to_know(row: Asset):
    assert row.what
    assert row.licence
    assert row.terms.startswith("https://")
    assert row.size > 0
    assert re.fullmatch("[0-9a-f]{64}", row.digest)
    assert len(row.sources) == 1 or row.joined


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.file)
def test_every_source_names_one_file_and_its_hash(source: Source):
    name = re.sub(r"[-_.]+", "_", source.package)
    assert source.file.startswith(f"{name}-{source.version}")
    assert source.file.endswith(".tar.gz" if source.is_sdist else "-none-any.whl")
    assert re.fullmatch("[0-9a-f]{64}", source.sha256)
    assert source.members


def test_an_asset_of_one_file_knows_its_name():
    assert asset("smollm2").file_name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert asset("gemma3-270m").file_name == "gemma-3-270m.Q4_K_M.gguf"
    assert asset("shakespeare").file_name is None


def test_only_free_assets_come_unasked():
    assert [row.name for row in ROWS if not row.free] == ["gemma3-270m"]


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownName, match="did you mean shakespeare"):
        asset("shakespear")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_this_machine_has_is_what_the_catalogue_says(row: Asset):
    if locate(row.name) is None:
        pytest.skip(f"{row.name} is not on this machine: practicum data add {row.name}")
    assert verify(row.name)


def test_the_catalogue_and_the_fetcher_do_without_torch():
    code = (
        "import sys, practicum.data.fetch, practicum.data.corpora, practicum.data.files;"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
