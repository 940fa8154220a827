"""Test the sample rulebook in the real ansible-rulebook, on embedded servers with a running service."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.acs.builders.plugins.module_utils.coordination.mail.draft import Draft
from ansible_collections.acs.builders.plugins.module_utils.coordination.operations.send import send
from ansible_collections.acs.builders.tests.ansible_runner import LOCAL_INVENTORY, TOP, environment
from ansible_collections.acs.builders.tests.builders import Builders
from ansible_collections.acs.builders.tests.running_service import Service, service
from ansible_collections.acs.builders.tests.waiting import until

INSTALLED = Path.home() / ".cache/acs-builders/rulebook/bin"


def ask(builders: Builders, subject: str) -> str:
    """Send a request of build1 to build2, and return its id."""
    with builders.host("build1") as host:
        return str(send(host, Draft(subject, "Please.", "request"), ["build2"]).result[0].id)


def answers(builders: Builders, message_id: str) -> list[str]:
    """Return the bodies of the answers to a message."""
    return [one["body"] for one in builders.messages() if one.get("in_reply_to") == message_id]


@contextmanager
def rulebook(builders: Builders, **variables: Any) -> Iterator[Path]:
    """Run the sample rulebook, and yield the file with its output."""
    given = builders.folder / "variables.yml"
    given.write_text(yaml.safe_dump({"builders_state_dir": str(builders.state("build2")), **variables}))
    words = [INSTALLED / "ansible-rulebook", "--rulebook", "acs.builders.respond", "--inventory", LOCAL_INVENTORY]
    path = f"{INSTALLED}{os.pathsep}{os.environ['PATH']}"
    places = {"ANSIBLE_COLLECTIONS_PATH": TOP / "collections", "ACS_BUILDERS_SCRATCH": builders.folder}
    variables = environment(builders.folder / "home", PATH=path, **places)
    output = builders.folder / "output"
    with output.open("w") as stream:
        process = subprocess.Popen(
            [*map(str, words), "--vars", str(given), "--print-events"],
            cwd=builders.folder,
            env=variables,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            yield output
            assert process.poll() is None, output.read_text()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def wait_for_answer(builders: Builders, running: Service, message_id: str, output: Path) -> str:
    """Wait for the answer to a message, and return its body."""
    running.cycle()
    return until(lambda: answers(builders, message_id), f"no answer: {output.read_text()}")[0]


def test_requests_are_answered_by_the_play_and_acknowledged(trusted: Builders) -> None:
    first = ask(trusted, "What's your status?")
    with service(trusted, "build2") as running, rulebook(trusted) as output:
        assert wait_for_answer(trusted, running, first, output).startswith("build2 is of unknown status")
        second = ask(trusted, "Install sudo")
        assert "do not permit the installation of sudo" in wait_for_answer(trusted, running, second, output)
        third = ask(trusted, "What's your status?")
        wait_for_answer(trusted, running, third, output)
        for message_id in (first, second, third):
            assert len(answers(trusted, message_id)) == 1
