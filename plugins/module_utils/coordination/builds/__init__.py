# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build jobs: starting and watching a job, its runner, its report.

May import operations, monitoring and what these may import; not autoreply.
"""
