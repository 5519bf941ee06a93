"""`practicum data` lists, finds, refuses and removes."""

import json

import pytest
from click.testing import CliRunner

from practicum.cli.main import practicum
from practicum.data import fetch
from practicum.errors import AssetError, UnknownName


@pytest.fixture(autouse=True)
def empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path))


def call(*arguments):
    return CliRunner().invoke(practicum, ["data", *arguments])


def test_every_asset_is_listed_with_its_licence():
    rows = {row["name"]: row for row in json.loads(call("list", "--json").output)}
    assert rows["smollm2"]["licence"] == "Apache-2.0"
    assert "to be accepted" in rows["gemma3-270m"]["licence"]
    assert not any(row["here"] for row in rows.values())


def test_an_unknown_asset_is_named_before_anything_is_brought(monkeypatch):
    monkeypatch.setattr(fetch, "ensure", lambda *_, **__: pytest.fail("brought an asset"))
    assert isinstance(call("add", "smollm2", "smolm").exception, UnknownName)


def test_a_licence_that_is_not_free_has_to_be_accepted():
    refused = call("add", "gemma3-270m").exception
    assert isinstance(refused, AssetError)
    assert "--accept-licence" in str(refused)


def test_the_flag_accepts_the_licence(monkeypatch, tmp_path):
    asked = []

    def ensure(name, *, accept_licence):
        asked.append((name, accept_licence))
        return tmp_path / name

    monkeypatch.setattr(fetch, "ensure", ensure)
    assert call("add", "gemma3-270m", "--accept-licence").output == f"{tmp_path / 'gemma3-270m'}\n"
    assert asked == [("gemma3-270m", True)]


def test_where_an_asset_would_be_brought_from_is_said():
    assert "practicum data add kjv" in str(call("where", "kjv").exception)


def test_removing_what_is_not_here_says_so():
    assert call("remove", "kjv").output == "kjv was not here\n"
