"""The hooks in the settings of the clients: what others put there stays."""

from __future__ import annotations

import json

from ansible_collections.acs.builders.tests.ansible_runner import as_operator
from ansible_collections.acs.builders.tests.builders import Builders

SETTINGS = {
    "model": "opus",
    "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "/usr/bin/mine"}]}], "PreToolUse": []},
    "x": "{{ é }}",
}
CONFIG = 'model = "o"\n\n[features] # mine\nweb = true\n'
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
    for file in .claude/settings.json .codex/* .copilot/*.md .copilot/hooks/*; do
        if test -f "$file"; then echo "== $file"; cat "$file"; fi
    done
    echo "== end"
); }}
rm -rf /root/.claude /root/.codex /root/.copilot
mkdir /root/.claude /root/.codex
echo '{settings}' >/root/.claude/settings.json
chmod 640 /root/.claude/settings.json
printf '%s' '{config}' >/root/.codex/config.toml
"""


def script(clients: list[str]) -> str:
    """The beginning of a script that sets up a server on which others have settings."""
    variables = json.dumps({"build_manager_clients": clients})
    return RUN.format(variables=variables, settings=json.dumps(SETTINGS, indent=4), config=CONFIG)


def files(shown: str) -> dict[str, str]:
    """Return the files that the script has shown."""
    parts = shown.split("== ")[1:-1]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def test_hooks_are_merged_once_and_removed_by_teardown(builders: Builders, covered: list[str]) -> None:
    done = as_operator(
        covered,
        builders,
        script(["claude", "codex", "copilot"])
        + """
        run setup.yml --check --diff
        show >/root/checked
        run setup.yml
        grep -c 'enter /hooks' /root/log
        run setup.yml
        changed
        stat -c %a /root/.claude/settings.json /usr/local/lib/acs-builders/hook /var/lib/acs-builders/sessions
        echo '{"session_id": "a"}' | /usr/local/lib/acs-builders/hook turn-end claude
        stat -c %n /var/lib/acs-builders/sessions/seen
        show
        run playbooks/teardown.yml
        cat /root/checked
        echo ====
        show
        """,
    )
    assert done.code == 0, done.output
    head, _separator, rest = done.stdout.partition("== ")
    assert head.split() == ["1", "changed=0", "640", "755", "700", "/var/lib/acs-builders/sessions/seen"], done.output
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
        ! run setup.yml 2>/root/refused
        grep -o 'codex/hooks.json is not valid JSON.*' /root/refused | head -1
        show
        """,
    )
    assert done.code == 0, done.output
    assert "Correct it, and run the setup again" in done.stdout
    left = files(done.stdout)
    assert json.loads(left[".claude/settings.json"]) == SETTINGS and left[".codex/config.toml"] == CONFIG
    assert left[".codex/hooks.json"] == '{"model": }\n' and len(left) == 3
