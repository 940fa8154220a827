"""All that is fuzzed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.acs.builders.tests.fuzz import documents, inputs, own_files
from ansible_collections.acs.builders.tests.fuzz.running import Target
from ansible_collections.acs.builders.tests.fuzz.scene import scene
from ansible_collections.acs.builders.tests.fuzz.starts import make_starts


@contextmanager
def targets() -> Iterator[list[Target]]:
    """The targets, and the server that they run on, for as long as they are used."""
    with scene() as made:
        starts = make_starts(made)
        yield [
            *documents.targets(made, starts),
            *own_files.targets(made, starts),
            *inputs.targets(made, starts),
        ]
