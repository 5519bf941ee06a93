"""The page of a look: one HTML file with its data, styles and script inside, and nothing beside it.

Patterns are embedded as 16-bit numbers: 30 layers of 9 heads on 60 tokens take 2.6 MB.
"""

import json
from pathlib import Path

from practicum.interpret.look.contents import Contents, as_data

TEMPLATE = Path(__file__).with_name("page.html")


def page(contents: Contents) -> str:
    """The whole page."""
    from jinja2 import Environment

    text = json.dumps(as_data(contents, packed=True), ensure_ascii=False, separators=(",", ":"))
    # inside a script only these could end it or begin a comment
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    template = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(title=f"Inside {contents.model}", data=safe)
