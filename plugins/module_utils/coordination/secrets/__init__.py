# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: what one looks like, how text is scanned and redacted, and the file with this server's own token.

Imports nothing of the package, since every error redacts its text.
"""
