"""The real clients of managers, each with its own home folder, and with the stand-in for a model."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ansible_collections.acs.builders.plugins.filter.client_settings import client_settings
from ansible_collections.acs.builders.plugins.plugin_utils.mcp_settings import COMMAND
from ansible_collections.acs.builders.tests.ansible_runner import Run, neutral
from ansible_collections.acs.builders.tests.clients.model_server import Answer, model
from ansible_collections.acs.builders.tests.hook_script import install_hook
from ansible_collections.acs.builders.tests.waiting import LIMIT

INSTALLED = Path.home() / ".cache/acs-builders/clients/node_modules/.bin"
CLAUDE, CODEX, COPILOT = CLIENTS = ("claude", "codex", "copilot")
COMMANDS = {
    CLAUDE: ("claude", "-p", "--allowedTools", "Bash", "mcp__acs-builders", "--output-format", "json", "--"),
    CODEX: (
        *("codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"),
        "--dangerously-bypass-hook-trust",
    ),
    COPILOT: ("copilot", "--allow-all-tools", "--allow-all-paths", "-p"),
}
SETTINGS = {
    CLAUDE: (".claude/settings.json", ".claude.json"),
    CODEX: (".codex/hooks.json", ".codex/config.toml"),
    COPILOT: (".copilot/hooks/acs-builders.json", ".copilot/mcp-config.json"),
}
CODEX_MODEL = """
model = "stand-in"
model_provider = "loopback"
[model_providers.loopback]
name = "loopback"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "LOOPBACK_KEY"
"""


def variables(home: Path, url: str) -> dict[str, str]:
    """Return the environment in which each client finds its home folder and the model."""
    return {
        **neutral(),
        "HOME": str(home),
        "PATH": f"{INSTALLED}{os.pathsep}{os.environ['PATH']}",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "x",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "LOOPBACK_KEY": "x",
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": url,
        "COPILOT_PROVIDER_TYPE": "anthropic",
        "COPILOT_PROVIDER_API_KEY": "x",
        "COPILOT_MODEL": "claude-sonnet-4.5",
    }


def ask(client: str, text: str, home: Path, url: str) -> Run:
    """Give a client a task, and wait until its turn ends."""
    folder = home / "work"
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*COMMANDS[client], text],
        cwd=folder,
        env=variables(home, url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


class Manager:
    """A client with its own home folder, whose hooks read a state directory.

    :param client: one of ``CLIENTS``.
    :param folder: the folder for its home, the script of the hooks and the command builderctl.
    """

    def __init__(self, client: str, folder: Path, state: Path) -> None:
        self.client, self.home, self.state = client, folder / "home", state
        self.hook = install_hook(folder, state, 0.9)

    def work(self, answer: Answer, mcp: bool = False) -> list[str]:
        """Give the client a task, with a function as its model, and return its requests to the model.

        :param mcp: whether it uses the server of ``builderctl mcp``.
        """
        with model(answer) as served:
            for path in SETTINGS[self.client]:
                file = self.home / path
                file.parent.mkdir(parents=True, exist_ok=True)
                before = CODEX_MODEL.format(url=served.url) if path.endswith(".toml") else ""
                text = client_settings(before, path, str(self.hook), True, mcp)["text"]
                if text:
                    file.write_text(text.replace(COMMAND, str(self.hook.with_name("builderctl"))))
            done = ask(self.client, "Work.", self.home, served.url)
        assert done.code == 0 and served.asked, done.output
        return served.asked
