"""The outcomes of the versions, as a table."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """The outcome of one version.

    :param what: what was run.
    :param python: the version of Python.
    :param outcome: ``ok: …``, ``FAILED: …`` or ``missing``.
    """

    what: str
    python: str
    outcome: str


def print_table(rows: list[Row]) -> int:
    """Print a table and the counts, and return the exit code."""
    head = Row("run", "Python", "outcome")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in (0, 1)]
    for row in (head, *rows):
        print(f"{row.what:{widths[0]}}  {row.python:{widths[1]}}  {row.outcome}")
    failed = sum(row.outcome.startswith("FAILED") for row in rows)
    missing = sum("missing" in row[1:] for row in rows)
    print(f"{len(rows) - failed - missing} passed, {failed} failed" + (f", {missing} skipped" if missing else ""))
    return int(failed > 0)
