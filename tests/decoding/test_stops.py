from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.decoding.stops import StopStrings

letters = st.text(alphabet="abc", max_size=12)
stops = st.lists(st.text(alphabet="abc", min_size=1, max_size=4), max_size=3)


def _read(pieces, stops):
    scanner = StopStrings(stops)
    shown = [scanner.push(piece) for piece in pieces]
    return [*shown, scanner.finish()], scanner.hit


@settings(deadline=None)
@given(letters, stops)
def test_how_the_text_is_cut_does_not_matter(text, stops):
    whole, hit = _read([text], stops)
    letter_by_letter, hit_too = _read(list(text), stops)
    assert "".join(whole) == "".join(letter_by_letter)
    assert hit == hit_too


@settings(deadline=None)
@given(letters, stops)
def test_the_shown_text_begins_the_text_and_holds_no_stop_string(text, stops):
    shown, hit = _read(list(text), stops)
    shown = "".join(shown)
    assert text.startswith(shown)
    assert not any(stop in shown for stop in stops)
    assert hit == any(stop in text for stop in stops)
    if hit:
        assert any(text[len(shown) :].startswith(stop) for stop in stops)
    else:
        assert shown == text


@settings(deadline=None)
@given(letters, stops)
def test_what_was_shown_is_never_taken_back_by_a_stop_string(text, stops):
    scanner = StopStrings(stops)
    shown = "".join(scanner.push(letter) for letter in text)
    beginnings = [stop[:size] for stop in stops for size in range(1, len(stop))]
    for beginning in beginnings:
        if text.endswith(beginning) and not scanner.hit:
            assert len(shown) <= len(text) - len(beginning)


def test_a_possible_beginning_is_held_back_and_released():
    scanner = StopStrings(["\nUser:"])
    assert [scanner.push(piece) for piece in ("Hi", "\nUs", "ual")] == ["Hi", "", "\nUsual"]
