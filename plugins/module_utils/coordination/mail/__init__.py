# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages, the mailbox and its archives, the ledgers of this server, the audit.

May import identity and the packages that identity may import; not status.
"""
