"""The report of a run, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.acs.builders.tests.faults.checker import VIOLATIONS, Findings

COLUMNS = (
    *("faults", "asked", "acknowledged", "queued", "delivered", "duplicated", "lost", "reordered", "phantom"),
    *("gaps", "wedged", "crashed", "withdrawn", "rejected", "seconds"),
)
_SHORT = {"acknowledged": "acked"}
WIDTH = 44


@dataclass(frozen=True)
class Result:
    """The result of one row.

    :param faults: the number of injected faults.
    :param skipped: why the row was not run; empty if it was.
    :param figures: further measurements.
    """

    name: str
    findings: Findings = field(default_factory=Findings)
    faults: int = 0
    seconds: float = 0
    skipped: str = ""
    figures: dict[str, object] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, float]:
        """The numbers of the table, by column."""
        counts: dict[str, float] = {"faults": self.faults, "seconds": round(self.seconds, 1)}
        for column in COLUMNS:
            if column not in counts:
                value = getattr(self.findings, column)
                counts[column] = len(value) if isinstance(value, list) else value
        return counts

    def as_json(self) -> dict[str, Any]:
        """Return the result as an object for JSON."""
        violations = {name: getattr(self.findings, name) for name in VIOLATIONS}
        rest = {"row": self.name, "skipped": self.skipped, "figures": self.figures, "errors": self.errors}
        return {**rest, **self.counts, "violations": {name: what for name, what in violations.items() if what}}


def table(results: Iterable[Result]) -> str:
    """Return the table, and below it the violations and the further measurements."""
    widths = {column: max(len(_SHORT.get(column, column)), 6) for column in COLUMNS}
    lines = [" ".join(["row".ljust(WIDTH), *(_SHORT.get(name, name).rjust(widths[name]) for name in COLUMNS)])]
    below = []
    for result in results:
        if result.skipped:
            lines.append(f"{result.name.ljust(WIDTH)} not run: {result.skipped}")
            continue
        cells = (f"{result.counts[name]:g}".rjust(widths[name]) for name in COLUMNS)
        lines.append(" ".join([result.name.ljust(WIDTH), *cells]))
        below += [f"{result.name}: {violation}" for violation in result.findings.violations]
        below += [f"{result.name}: {name}: {value}" for name, value in result.figures.items()]
    return "\n".join([*lines, *([""] if below else []), *below])
