"""Who may ask."""

import pytest

from practicum.errors import ConfigError
from practicum.serving.http_settings import HttpSettings
from practicum.serving.keys import Keys, keys_of, read_keys

KEY = "sk-0123456789abcdef"


def test_a_key_has_an_owner_and_nothing_else_has(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"# ours\n\nanna {KEY}  # until May\n{KEY}2\n{KEY}#3 # ours, too\n")
    keys = read_keys(file)
    assert keys.owner(KEY) == "anna"
    for whole in (f"{KEY}2", f"{KEY}#3"):
        assert (keys.owner(whole) or "").startswith("key-")
    for wrong in ("", KEY[:-1], f"{KEY}3", "anna", "\udc80"):
        assert keys.owner(wrong) is None
    assert KEY not in repr(keys)
    assert not Keys()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["short"], "line 1"),
        ([KEY, f"a b {KEY}"], "line 2"),
        ([KEY, f"me {KEY}"], "stands there twice"),
        (["sk-0123456789-schlüssel"], "line 1.*ASCII"),  # clients write it in several ways, or not
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(lines, words):
    with pytest.raises(ConfigError, match=words) as refused:
        keys_of(lines)
    assert KEY not in str(refused.value)


def test_a_file_without_keys_opens_nothing(tmp_path):
    (tmp_path / "keys").write_text("# none\n")
    with pytest.raises(ConfigError, match="holds no keys"):
        read_keys(tmp_path / "keys")


def test_every_route_but_health_needs_one(client_with):
    client = client_with(keys=keys_of([KEY]))
    assert client.get("/health").status_code == 200
    for path in ("/v1/models", "/metrics", "/openapi.json", "/nowhere"):
        for header in ({}, {"authorization": KEY}, {"authorization": "Bearer nobody"}):
            answer = client.get(path, headers=header)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["error"]["code"] == "invalid_api_key"
        known = client.get(path, headers={"authorization": f"Bearer {KEY}"})
        assert known.status_code == (404 if path == "/nowhere" else 200)


def test_limits_are_checked():
    with pytest.raises(ConfigError, match="body_bytes is 0"):
        HttpSettings(body_bytes=0)
