"""Reading an HTML page with the parser of the standard library."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img", "hr"}
LOADING = {"img", "iframe", "object", "embed", "audio", "video", "source", "form", "base", "image", "use"}
"""Elements that make a browser send a request, or that change where it sends it."""


@dataclass
class Element:
    """An element: its attributes, its child elements, and its text including theirs."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    elements: list[Element] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return the descendants with a tag and attributes; ``class_`` is one of the words of the class."""
        wanted = attributes.pop("class_", "")
        return [
            one
            for one in self.every()
            if one.tag == tag
            and wanted in ["", *one.attributes.get("class", "").split()]
            and all(one.attributes.get(name) == value for name, value in attributes.items())
        ]

    def every(self) -> list[Element]:
        """Return all descendants."""
        return [one for inner in self.elements for one in (inner, *inner.every())]

    @property
    def words(self) -> str:
        """The text on one line."""
        return " ".join(self.text.split())


class Page(HTMLParser):
    """A well-formed page: every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert [one.tag for one in self._open] == [""], "elements are not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        element = Element(tag, {name: value or "" for name, value in attrs})
        assert len(element.attributes) == len(attrs), f"<{tag}> has an attribute twice"
        self._open[-1].elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an empty element, as SVG has them."""
        self._open[-1].elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        assert self._open.pop().tag == tag, f"</{tag}> ends another element, line {self.getpos()[0]}"

    def handle_data(self, data: str) -> None:
        """Add text to all open elements."""
        for element in self._open:
            element.text += data

    def rows(self, section: str) -> list[list[str]]:
        """Return the texts of the cells in the table of a section, a list for each row."""
        (found,) = self.root.all("section", **{"aria-labelledby": section})
        rows = [row.elements for body in found.all("tbody") for row in body.all("tr")]
        return [[cell.words for cell in cells] for cells in rows]


def check_harmless(page: Page) -> None:
    """Check that a page loads nothing, and runs only the script whose hash is in its policy."""
    (policy,) = page.root.all("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.attributes["content"].split(";"))
    assert rules["default-src"] == "'none'" and rules["base-uri"] == "'none'" and rules["form-action"] == "'none'"
    for kind in ("script", "style"):
        (own,) = page.root.all(kind)
        assert own.attributes == {}
        digest = base64.b64encode(hashlib.sha256(own.text.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"
        assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", own.text), kind
    elements = [one for tag in LOADING for one in page.root.all(tag)]
    assert elements == []
    every = page.root.every()
    assert [one.attributes for one in every if "style" in one.attributes or "src" in one.attributes] == []
    assert [name for one in every for name in one.attributes if name.startswith("on")] == []
    assert all(one.attributes["href"].startswith("#") for one in page.root.all("a"))
    assert [one.attributes["href"] for one in page.root.all("link")] == ["data:,"], "the browser requests an icon"
