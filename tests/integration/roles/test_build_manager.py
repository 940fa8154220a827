"""Test the hooks in the settings of clients, and the files of the command: settings of others stay."""

from __future__ import annotations

import json
import sys

import pytest
import yaml
from ansible_collections.acs.builders.tests.ansible_runner import TOP, ansible, as_operator, environment, run
from ansible_collections.acs.builders.tests.builders import Builders

SETTINGS = {
    "model": "opus",
    "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "/usr/bin/mine"}]}], "PreToolUse": []},
    "x": "{{ é }}",
    "env": {"KEY": "a-secret-of-others"},
}
CONFIG = 'model = "o"\n\n[features] # mine\nweb = true\n'
BESIDE = (
    "/usr/local/share/bash-completion/completions/builderctl",
    "/usr/local/share/man/man1/builderctl.1",
    "/usr/local/share/zsh/site-functions/_builderctl",
)
"""Files that are installed with the command."""
ROLE = [{"hosts": "builders", "gather_facts": False, "roles": ["acs.builders.build_manager"]}]
RUN = """
run() {{
    ansible-playbook "$@" -l build1 -e "builders_remote_url=$REMOTE" -e "$SET_UP" -e '{variables}' >/root/log 2>&1 || {{
        cat /root/log >&2
        return 1
    }}
}}
changed() {{ grep -o 'changed=[0-9]*' /root/log | head -1; }}
show() {{ (
    cd /root
    for file in .claude.json .claude/settings.json .codex/* .copilot/*.* .copilot/hooks/*; do
        if test -f "$file"; then echo "== $file"; cat "$file"; fi
    done
    echo "== end"
); }}
beside() {{ stat -c '%a %U %n' {beside} 2>/dev/null || true; }}
echo '{role}' >/root/role.yml
rm -rf /root/.claude /root/.claude.json /root/.codex /root/.copilot
mkdir /root/.claude /root/.codex
echo '{settings}' >/root/.claude/settings.json
chmod 640 /root/.claude/settings.json
printf '%s' '{config}' >/root/.codex/config.toml
"""


def script(clients: list[str], **more: object) -> str:
    """Return the beginning of a script that sets up a server with existing settings."""
    variables = json.dumps({"build_manager_clients": clients, **more})
    settings, beside = json.dumps(SETTINGS, indent=4), " ".join(BESIDE)
    return RUN.format(variables=variables, settings=settings, config=CONFIG, beside=beside, role=json.dumps(ROLE))


def files(shown: str) -> dict[str, str]:
    """Return the files printed by the script."""
    parts = shown.split("== ")[1:-1]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def test_what_is_installed_is_merged_once_and_removed_by_teardown(builders: Builders, covered: list[str]) -> None:
    done = as_operator(
        covered,
        builders,
        script(["claude", "codex", "copilot"])
        + f"""
        run /root/role.yml --check --diff
        show >/root/checked
        run setup.yml -v
        ! grep a-secret-of-others /root/log
        grep -c 'enter /hooks' /root/log
        beside
        run setup.yml
        changed
        bash -c '. {BESIDE[0]}; complete -p builderctl'
        stat -c %a /root/.claude/settings.json /usr/local/lib/acs-builders/hook /var/lib/acs-builders/sessions
        echo '{{"session_id": "a"}}' | /usr/local/lib/acs-builders/hook turn-end claude
        stat -c %n /var/lib/acs-builders/sessions/seen
        show
        run playbooks/teardown.yml
        cat /root/checked
        echo ====
        beside
        show
        """,
    )
    assert done.code == 0, done.output
    head, _separator, rest = done.stdout.partition("== ")
    assert head.splitlines() == [
        "1",
        *(f"644 root {path}" for path in BESIDE),
        *("changed=0", "complete -o default -F _builderctl builderctl"),
        *("640", "755", "700", "/var/lib/acs-builders/sessions/seen"),
    ], done.output
    installed, _separator, removed = rest.partition("====\n")
    now = files(f"== {installed.partition('== end')[0]}== end")
    claude = json.loads(now[".claude/settings.json"])
    assert {**claude, "hooks": None} == {**SETTINGS, "hooks": None}
    commands = [hook["command"] for group in claude["hooks"]["Stop"] for hook in group["hooks"]]
    assert commands == ["/usr/bin/mine", "/usr/local/lib/acs-builders/hook turn-end claude"]
    assert now[".claude/settings.json"].startswith('{\n    "model"')
    assert now[".codex/config.toml"] == CONFIG.replace("mine\n", "mine\nhooks = true # acs-builders\n")
    assert "hook session-start codex" in now[".codex/hooks.json"]
    assert "hook turn-end copilot" in now[".copilot/hooks/acs-builders.json"]
    assert "build server build1" in now[".copilot/copilot-instructions.md"]
    checked = files(f"== {installed.partition('== end')[2].partition('== ')[2]}")
    assert json.loads(checked[".claude/settings.json"]) == SETTINGS and len(checked) == 2
    assert removed.startswith("== "), "none of the files of the command is left"
    left = files(removed)
    assert json.loads(left[".claude/settings.json"]) == SETTINGS
    assert left[".codex/config.toml"] == CONFIG and ".codex/hooks.json" not in left
    assert not left.get(".copilot/copilot-instructions.md", "").strip()


def test_settings_that_are_not_json_are_refused_and_nothing_is_changed(builders: Builders, covered: list[str]) -> None:
    done = as_operator(
        covered,
        builders,
        script(["claude", "codex", "copilot"])
        + """
        echo '{"model": }' >/root/.codex/hooks.json
        ! run /root/role.yml 2>/root/refused
        grep -o 'codex/hooks.json is not valid JSON.*' /root/refused | head -1
        show
        """,
    )
    assert done.code == 0, done.output
    assert "Correct it, and run the setup again" in done.stdout
    left = files(done.stdout)
    assert json.loads(left[".claude/settings.json"]) == SETTINGS and left[".codex/config.toml"] == CONFIG
    assert left[".codex/hooks.json"] == '{"model": }\n' and len(left) == 3


SERVERS = {"numStartups": 3, "mcpServers": {"mine": {"command": "mine"}}}
ASK = """
import anyio
from mcp import Client, StdioServerParameters

async def main():
    async with Client(StdioServerParameters(command="/usr/local/bin/builderctl", args=["mcp"])) as client:
        print(*(tool.name for tool in (await client.list_tools()).tools))
        print((await client.call_tool("inbox")).content[0].text)

anyio.run(main)
"""


GITPYTHON = """
site=$(/usr/bin/python3 -c 'import site; print(site.getsitepackages()[0])')
if ! /usr/bin/python3 -c 'import git' 2>/dev/null; then
    case $site in /usr/local/*) ;; *) echo "needs GitPython for /usr/bin/python3" >&2; exit 1 ;; esac
    mkdir -p $site
    python -c 'import git, gitdb, smmap; print(git.__path__[0], gitdb.__path__[0], smmap.__path__[0])' |
        xargs -n 1 printf '%s\\n' | while read -r package; do ln -s $package $site/; done
fi
"""


@pytest.fixture
def package_index(builders: Builders) -> None:
    """Skip the test without a package index from which pip can install the SDK."""
    version = yaml.safe_load((TOP / "roles/build_manager/vars/main.yml").read_text())["build_manager_mcp_version"]
    package = f"mcp=={version}"
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", builders.folder / "wheels")
    variables = environment(builders.folder / "home", PIP_RETRIES="10")
    tried = run(*pip, package, cwd=builders.folder, variables=variables)
    if tried.code:
        pytest.skip(f"not run: needs a package index with {package} ({tried.stderr.strip()[-300:]})")


@pytest.mark.usefixtures("package_index")
def test_the_sdk_is_installed_and_builderctl_mcp_answers(builders: Builders, covered: list[str]) -> None:
    beginning = script(["claude", "codex", "copilot"], build_manager_mcp_packages=[])
    done = as_operator(
        covered,
        builders,
        f"""{beginning}{GITPYTHON}
        export PIP_RETRIES=10
        echo '{json.dumps(SERVERS, indent=2)}' >/root/.claude.json
        run /root/role.yml -e build_manager_mcp=true --check
        test ! -e /usr/local/lib/acs-builders/mcp
        run setup.yml -e build_manager_mcp=true
        run /root/role.yml -e build_manager_mcp=true
        changed
        cd /
        python -c '{ASK}'
        cd - >/dev/null
        show
        run /root/role.yml
        ls /usr/local/lib/acs-builders
        builderctl mcp || echo "code $?"
        show
        """,
    )
    assert done.code == 0, done.output
    head, _separator, rest = done.stdout.partition("== ")
    assert head.splitlines() == ["changed=0", "inbox read send reply wait health", "No unread messages."], done.output
    installed, _separator, removed = rest.partition("== end")
    now = files(f"== {installed}== end")
    servers = json.loads(now[".claude.json"])["mcpServers"]
    assert servers.pop("acs-builders")["command"] == "/usr/local/bin/builderctl" and servers == SERVERS["mcpServers"]
    assert "[mcp_servers.acs-builders]" in now[".codex/config.toml"]
    assert json.loads(now[".copilot/mcp-config.json"])["mcpServers"]["acs-builders"]["args"] == ["mcp"]
    printed, _separator, left = removed.partition("== ")
    assert "code 5" in printed and "mcp" not in printed.split()
    assert "is not installed. Set build_manager_mcp: true in the inventory" in done.stderr
    after = files(f"== {left}")
    assert json.loads(after[".claude.json"]) == SERVERS
    assert "mcp_servers" not in after[".codex/config.toml"] and ".copilot/mcp-config.json" not in after


def test_a_server_with_an_old_python_is_refused(builders: Builders) -> None:
    tasks = "name=acs.builders.build_manager tasks_from=mcp"
    old = json.dumps({"build_manager_python": {"stdout": "3.9"}})
    done = ansible("adhoc", "build1", "-m", "include_role", "-a", tasks, "-e", old, folder=builders.folder)
    assert done.code != 0
    error = "needs Python 3.10 or later, and build1 has Python 3.9. Set build_manager_mcp to false for build1."
    assert error in " ".join(done.stdout.split())
