# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the fleet."""

from __future__ import annotations

DOCUMENTATION = r"""
name: dashboard_page
short_description: Render the page about the fleet
version_added: 1.0.0
description:
  - Renders one HTML file that needs nothing else, for the playbook C(playbooks/dashboard.yml).
  - All texts are escaped. Its content security policy permits its own script and style, and no request.
  - It depends on the facts alone. The browser of the reader computes ages and local times.
options:
  _input:
    description:
      - C(health) is the fact C(build_heartbeat) of M(acs.builders.build_heartbeat_fact), C(dashboard) the return value of
        M(acs.builders.build_dashboard).
      - C(environment) is the result of P(acs.builders.compare_environments#filter); it may be missing.
    type: dict
    required: true
seealso:
  - module: acs.builders.build_dashboard
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.copy:
    content: "{{ {'health': health, 'dashboard': dashboard} | acs.builders.dashboard_page }}"
    dest: /var/www/html/builders.html
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The HTML document.
  type: str
"""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parents[2] / "playbooks" / "templates" / "dashboard"


def dashboard_page(seen: Any) -> str:
    """Return the page as HTML.

    :raises AnsibleFilterError: if the health or the dashboard is missing.
    """
    from ansible_collections.acs.builders.plugins.module_utils.coordination.identity.verification import (
        LABELS,
        NOT_OPERATORS,
    )
    from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.scanner import redact_in
    from ansible_collections.acs.builders.plugins.module_utils.coordination.text import clean, visible
    from ansible_collections.acs.builders.plugins.plugin_utils.page_view import page_view

    missing = [name for name in ("health", "dashboard") if not isinstance(seen, dict) or not seen.get(name)]
    if missing:
        raise AnsibleFilterError(
            f"The page needs {' and '.join(missing)}. See ansible-doc -t filter acs.builders.dashboard_page"
        )
    known = clean(redact_in(seen)[0], visible)
    view = page_view(known["health"], known["dashboard"], known.get("environment") or {})
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (_own(name) for name in ("style.css", "script.js"))
    policy = f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    page = templates.get_template("page.html.j2")
    return page.render(view, labels=LABELS, not_operators=NOT_OPERATORS, style=style, script=script, policy=policy)


def _own(name: str) -> Markup:
    """Return a file that is part of the page as it is."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 (a file of this collection)


def _hash(text: str) -> str:
    """Return the source of an inline script or style in a content security policy (CSP Level 3, section 6.7.3.3)."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


class FilterModule:
    """The filters of this plugin."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"dashboard_page": dashboard_page}
