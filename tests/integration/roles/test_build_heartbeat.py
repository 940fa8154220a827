"""The files that the role puts beside the command: installed once, removed by the teardown."""

from __future__ import annotations

from ansible_collections.acs.builders.tests.ansible_runner import as_operator
from ansible_collections.acs.builders.tests.builders import Builders

FILES = (
    "/usr/local/share/bash-completion/completions/builderctl",
    "/usr/local/share/man/man1/builderctl.1",
    "/usr/local/share/zsh/site-functions/_builderctl",
)


def test_completions_and_manual_page(builders: Builders, covered: list[str]) -> None:
    done = as_operator(
        covered,
        builders,
        f"""
        run() {{
            ansible-playbook "$@" -l build1 -e "builders_remote_url=$REMOTE" -e "$SET_UP" >/root/log 2>&1 || {{
                cat /root/log >&2
                return 1
            }}
        }}
        show() {{ stat -c '%a %U %n' {" ".join(FILES)} 2>/dev/null || true; }}
        run setup.yml
        show
        run setup.yml
        grep -o 'changed=[0-9]*' /root/log | head -1
        bash -c '. {FILES[0]}; complete -p builderctl'
        run playbooks/teardown.yml
        show
        """,
    )
    assert done.code == 0, done.output
    assert done.stdout.splitlines() == [
        *(f"644 root {path}" for path in FILES),
        "changed=0",
        "complete -o default -F _builderctl builderctl",
    ]
