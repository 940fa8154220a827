"""Test that the page of a fleet is laid out correctly in a real browser, and that it loads nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.acs.builders.tests.browser.browser import OUTPUT, ZONE, reading
from ansible_collections.acs.builders.tests.busy_fleet import SCRIPT
from playwright.sync_api import Browser, Page

PHONE, TABLET, DESK = WIDTHS = (390, 1024, 1600)
SECTIONS = ["questions", "servers", "waits", "conversations", "builds", "jobs", "traffic", "environment"]


def names(page: Page, section: str) -> list[str]:
    """Return the first cells of the visible rows of a section, in order."""
    shown: list[str] = page.locator(f"[data-rows={section}] tbody tr:visible th").all_inner_texts()
    return shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_what_stands_where(browser: Browser, html: str, width: int, scheme: str) -> None:
    with reading(browser, html, width, color_scheme=scheme) as reader:
        page = reader.page
        OUTPUT.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=OUTPUT / f"dashboard-{width}-{scheme}.png", full_page=True)
        tops = [page.locator(f"h2#{name}").bounding_box() for name in SECTIONS]
        places = [box["y"] for box in tops if box]
        assert len(places) == len(SECTIONS) and all(above < below for above, below in pairwise(places))
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page is wider than the window"
        assert page.title() == "Build servers: 3 of 5 alive"
        assert names(page, "servers") == ["build1", "build2", "build3", "build4", "build5"]
        assert page.locator(".badge.stale:visible").count() == 2 and page.locator("svg:visible").count() == 3
        labels = page.locator("[data-rows=servers] tbody tr").first.locator("td").first
        shown = labels.evaluate("cell => getComputedStyle(cell, '::before').content")
        assert ("State" in shown) is (width == PHONE), "rows name their columns only on a phone"
        reader.check_quiet()


def test_the_screenshot_of_the_readme(browser: Browser, html: str) -> None:
    with reading(browser, html, 1280) as reader:
        reader.page.locator("details.thread").nth(2).locator("summary").click()
        OUTPUT.mkdir(parents=True, exist_ok=True)
        reader.page.screenshot(
            path=OUTPUT / "readme.png", clip={"x": 0, "y": 0, "width": 1280, "height": 1340}, full_page=True
        )
        reader.check_quiet()


def test_times_are_in_the_zone_of_the_reader_and_ages_grow(browser: Browser, html: str) -> None:
    with reading(browser, html) as reader:
        newest = str(reader.page.locator("header time").get_attribute("datetime"))
    when = datetime.fromisoformat(newest)
    for later, age, is_old in ((timedelta(seconds=90), "1 min", False), (timedelta(hours=27), "1 d 3 h", True)):
        with reading(browser, html, at=when + later) as reader:
            shown = reader.page.locator("header time").inner_text()
            here = when.astimezone(ZoneInfo(ZONE))
            year = "" if (here + later).year == here.year else f"{here:%Y}, "
            assert " ".join(shown.split()) == f"{here:%b} {here.day}, {year}{here:%-I:%M %p} ({age} ago)"
            assert reader.page.locator("#old").is_visible() is is_old
            reader.check_quiet()


def test_without_scripts_all_is_there(browser: Browser, html: str) -> None:
    with reading(browser, html, java_script_enabled=False) as reader:
        assert reader.page.locator("header time").inner_text().endswith(" UTC")
        assert names(reader.page, "servers")[0] == "build1"
        assert not reader.page.locator("input").first.is_visible()
        reader.check_quiet()


def test_tables_are_sorted_and_filtered(browser: Browser, html: str) -> None:
    with reading(browser, html) as reader:
        page = reader.page
        state = page.get_by_role("columnheader", name="State").get_by_role("button").first
        state.click()
        assert names(page, "servers") == ["build5", "build1", "build2", "build3", "build4"]
        assert page.locator("[data-rows=servers] th[aria-sort]").get_attribute("aria-sort") == "ascending"
        state.press("Enter")
        assert names(page, "servers")[0] == "build4"
        page.get_by_label("Filter servers").fill("2 GB")
        assert names(page, "servers") == ["build2"]
        assert page.locator(".filter:has([data-filter=servers]) output").inner_text() == "1 of 5"
        page.get_by_label("Filter servers").fill("")
        assert len(names(page, "servers")) == 5
        page.get_by_label("Filter conversations").fill("Libvirt")
        threads = page.locator("details.thread:visible")
        assert threads.count() == 1 and not threads.locator("pre").first.is_visible()
        threads.locator("summary").click()
        assert "LibvirtComputingResourceTest" in threads.locator("pre").first.inner_text()
        page.get_by_role("columnheader", name="Took").get_by_role("button").click()
        assert names(page, "builds")[-1] == "job_45", "four hours"
        reader.check_quiet()


def test_a_phone_sorts_with_a_list(browser: Browser, html: str) -> None:
    with reading(browser, html, PHONE) as reader:
        reader.page.locator("[data-rows=builds] select").select_option(label="Ended, last first")
        assert names(reader.page, "builds")[0] == "job_46"
        reader.page.locator("[data-rows=builds] select").select_option(label="Ended")
        assert names(reader.page, "builds")[0] == "job_41"
        reader.check_quiet()


def test_text_of_others_is_text(browser: Browser, html: str) -> None:
    with reading(browser, html) as reader:
        for thread in reader.page.locator("details.thread summary").all():
            thread.click()
        bodies = reader.page.locator("article pre").all_inner_texts()
        assert f"{SCRIPT}\n{{{{ 7 * 7 }}}}" in bodies
        assert reader.page.title() == "Build servers: 3 of 5 alive"
        reader.check_quiet()


def test_hostile_text_in_every_field(browser: Browser, hostile: tuple[str, str]) -> None:
    value, html = hostile
    for width in (PHONE, DESK):
        with reading(browser, html, width) as reader:
            page = reader.page
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.title() == "Build servers: 1 of 2 alive"
            assert [page.locator(tag).count() for tag in ("script", "style", "base", "img", "main", "link")] == [
                1,
                1,
                0,
                0,
                1,
                1,
            ]
            if value.isprintable():
                assert value in page.locator("article pre").all_inner_texts()
            for name in ("servers", "conversations", "jobs", "builds"):
                page.locator(f"[data-filter={name}]").fill(value[:20])
            reader.check_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_contrast_labels_and_structure(browser: Browser, html: str, width: int, scheme: str) -> None:
    with reading(browser, html, width, color_scheme=scheme) as reader:
        reader.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        reader.page.locator("#old").evaluate("notice => { notice.hidden = false; }")
        assert reader.violations() == []
        assert reader.page.locator("h1").inner_text() == "Build servers"
