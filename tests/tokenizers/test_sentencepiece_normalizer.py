"""Rules on characters: against Unicode's own NFKC, and tries that are broken."""

import unicodedata

import pytest
from sentencepiece_kinds import trained

from practicum.errors import TokenizerError
from practicum.tokenizers.sentencepiece_model import read_sentencepiece
from practicum.tokenizers.sentencepiece_normalizer import CharacterRules, Normalizer

NFKC = read_sentencepiece(trained("bpe", "defaults")).charsmap


def normalizer(*, kept: tuple[str, ...] = (), tidy: bool = False, prefix: bool = False):
    return Normalizer(NFKC, kept=kept, dummy_prefix=prefix, remove_extra_spaces=tidy)


@pytest.mark.parametrize("text", ["ﬁne", "①②", "ｆｕｌｌ", "e\u0301", "한", "㍿", "ｶﾞ"])
def test_the_default_rules_are_those_of_nfkc(text: str) -> None:
    assert normalizer().normalize(text) == unicodedata.normalize("NFKC", text)


def test_the_longest_rule_applies_whatever_was_seen_before() -> None:
    rules = CharacterRules(NFKC)
    for text in ("e", "ex", "e\u0301", "ex", "e\u0323\u0302", "e\u0323"):
        written, taken = rules.match(text, 0)
        start = text[:taken]
        assert written == unicodedata.normalize("NFKC", start)
        assert (taken > 1) == (len(text) > 1 and text[1] != "x")


def test_kept_texts_escape_the_rules() -> None:
    assert normalizer(kept=("①", "①②")).normalize("①②①③") == "①②①3"


def test_spaces_go_where_they_are_extra() -> None:
    assert normalizer(tidy=True, prefix=True).normalize(" \u3000a \n b  ") == "▁a▁b"
    assert normalizer(tidy=True, prefix=True).normalize(" a", first=False) == "a"
    assert normalizer(tidy=True, prefix=True).normalize(" \t ") == ""
    assert normalizer(prefix=True).normalize(" a ") == "▁▁a▁"


def test_characters_know_where_they_come_from() -> None:
    whole, starts = normalizer(tidy=True, prefix=True).aligned(" ﬁ  é ")
    assert whole == "▁fi▁é"
    assert starts == [1, 1, 1, 4, 6, 8]
    # With and without rules the end is where the last character ends.
    plain = Normalizer(b"", kept=(), dummy_prefix=False, remove_extra_spaces=False)
    assert plain.aligned("aé") == ("aé", [0, 1, 3])


@pytest.mark.parametrize("charsmap", [b"abc", bytes(4), b"\x08\0\0\0abcd", b"\x03\0\0\0abc"])
def test_truncated_rules_are_refused(charsmap: bytes) -> None:
    with pytest.raises(TokenizerError, match="truncated"):
        CharacterRules(charsmap)


def test_a_trie_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(TokenizerError, match="lead out of their trie"):
        CharacterRules(b"\x04\0\0\0" + b"\0\0\0\0").match("a", 0)
