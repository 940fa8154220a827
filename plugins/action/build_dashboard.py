# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the module build_dashboard with defaults from the inventory."""

from __future__ import annotations

from ansible_collections.acs.builders.plugins.plugin_utils.inventory_options import ActionModule

__all__ = ["ActionModule"]
