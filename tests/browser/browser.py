"""Chromium, driven by Playwright, on pages that a server on loopback serves."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

INSTALLED = Path.home() / ".cache/acs-builders/browser"
AXE = INSTALLED / "node_modules/axe-core/axe.min.js"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OUTPUT = Path(__file__).resolve().parents[1] / "output" / "browser"
ZONE = "America/New_York"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser of this machine."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert program, "No Chromium is installed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Reader:
    """A page in the browser, with its requests and messages.

    ``requests`` are those that reached the server, ``wanted`` the URLs that the page requested, and ``messages`` those
    of the console, of errors and of dialogs.
    """

    def __init__(self, page: Page, requests: list[str]) -> None:
        self.page = page
        self.requests = requests
        self.wanted: list[str] = []
        self.messages: list[str] = []
        page.on("request", lambda request: self.wanted.append(request.url))
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", lambda dialog: self.messages.append(dialog.message))

    def check_quiet(self) -> None:
        """Check that the page sent no further request and no message."""
        assert (self.requests, len(self.wanted), self.messages) == (["/"], 1, [])

    def violations(self) -> list[str]:
        """Return the violations that axe-core finds on the current page, each with its element."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        options = {"runOnly": {"type": "tag", "values": RULES}}
        found: dict[str, Any] = self.page.evaluate("options => axe.run(document, options)", options)
        assert len(found["passes"]) > 20, "axe-core has run"
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


@contextmanager
def reading(browser: Browser, html: str, width: int = 1024, **options: Any) -> Iterator[Reader]:
    """Open a page with the time zone of New York.

    :param width: the width of the window in pixels.
    :param options: further options of the context, and ``at``, the time of the reader's clock.
    """
    at = options.pop("at", None)
    with _serving(html) as (url, requests):
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, locale="en-US", timezone_id=ZONE, **options)
        try:
            reader = Reader(context.new_page(), requests)
            if at:
                reader.page.clock.set_fixed_time(at)
            reader.page.goto(url)
            yield reader
        finally:
            context.close()


@contextmanager
def _serving(html: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a page at any path, and yield its URL and a list of the requested paths."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            """Print nothing."""

        def do_GET(self) -> None:
            """Send the page."""
            requests.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", requests
        finally:
            server.shutdown()
            thread.join()
