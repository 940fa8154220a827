"""Cutting servers off from their remote, as Git sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from ansible_collections.acs.builders.tests.builders import Builders


@contextmanager
def outage(builders: Builders) -> Iterator[None]:
    """While this lasts, nobody listens where the remote is."""
    home = builders.folder / "home-without-network"
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(f'[url "http://127.0.0.1:1/"]\n\tinsteadOf = {builders.remote}\n')
    with mock.patch.dict(os.environ, {"HOME": str(home)}):
        yield
