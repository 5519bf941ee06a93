"""The page in a browser: no error, no request, a tooltip under the pointer, heads to choose."""

import re
import shutil

import pytest

from practicum.interpret.look.collect import look
from practicum.interpret.look.contents import Ask
from practicum.interpret.look.page import page
from practicum.interpret.look.translation import look_at_translation

TEXT = "It was the best </script><b>of</b> times,"
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip("no browser is installed: chromium or google-chrome")
    playwright = pytest.importorskip("playwright.sync_api", reason="it drives the browser")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page; afterwards nothing may have been said on the console, nothing asked for."""
    said: list[str] = []

    def opened(text: str):
        place = tmp_path / "index.html"
        place.write_text(text, encoding="utf-8")
        tab = browser.new_page(viewport={"width": 1200, "height": 900})
        tab.on("console", lambda message: said.append(f"console: {message.text}"))
        tab.on("pageerror", lambda problem: said.append(f"error: {problem}"))
        tab.on("request", lambda request: said.append(f"request: {request.url}"))
        tab.goto(place.as_uri())
        return tab

    yield opened
    assert said == [f"request: {(tmp_path / 'index.html').as_uri()}"]


def drawing(tab, canvas: str) -> str:
    return tab.evaluate(f"document.querySelector('{canvas}').toDataURL()")


def test_nothing_on_the_page_is_elsewhere(model, tokenizer):
    text = page(look("tiny", model, tokenizer, TEXT, Ask()))
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!data:)", text)
    assert "@import" not in text
    assert "fetch(" not in text
    assert text.count("</script>") == 2, "text of the user cannot end the script"


def test_heads_and_layers_are_chosen_and_pointing_tells(visit, model, tokenizer):
    tab = visit(page(look("tiny", model, tokenizer, TEXT, Ask(steps=4))))
    assert tab.inner_text("h1") == "Inside tiny"
    first = drawing(tab, "#grid")
    tab.select_option("#head", "2")
    second = drawing(tab, "#grid")
    tab.select_option("#layer", "3")
    third = drawing(tab, "#grid")
    tab.click("#gallery button[data-head='1']")
    assert tab.input_value("#head") == "1"
    assert len({first, second, third, drawing(tab, "#grid")}) == 4
    tab.hover("#grid", position={"x": 115, "y": 85})
    told = tab.inner_text("#tooltip")
    assert told.startswith("layer 3, head 1\n“It” (0) takes 100.0 %")
    tab.hover("#lens-grid", position={"x": 80, "y": 80})
    assert "KL to the answer 0.00 nats" in tab.inner_text("#tooltip")
    tab.hover(".token[data-index='1']")
    assert tab.inner_text("#tooltip").startswith("text 1: “")
    tab.mouse.move(5, 5)
    assert not tab.is_visible("#tooltip")


def test_a_position_and_a_temperature_change_the_table(visit, model, tokenizer):
    tab = visit(page(look("tiny", model, tokenizer, TEXT, Ask(what=("attention", "next")))))
    last = tab.inner_text("#candidates")
    tab.click(".token[data-index='0']")
    first = tab.inner_text("#candidates")
    assert first != last
    tab.fill("#temperature", "0")
    cold = tab.locator("#candidates td:nth-child(4)").all_inner_texts()
    assert cold == ["100.0 %", *["< 0.01 %"] * 9]
    assert tab.locator("section").count() == 2


def test_a_translators_page_shows_alignment_and_tree(visit, translator):
    tab = visit(page(look_at_translation(translator, TEXT, None, Ask(beam=2))))
    options = tab.locator("#kind option").all_inner_texts()
    assert options == ["alignment", "reading", "writing"]
    before = drawing(tab, "#grid")
    tab.select_option("#kind", "1")
    assert drawing(tab, "#grid") != before
    assert tab.locator("#tree text").count() > 4
    tab.locator("#tree text").nth(1).hover()
    assert "log P of the path" in tab.inner_text("#tooltip")
