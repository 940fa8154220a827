# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages: their form, the mailbox and its archives, what was read, sent and answered, and the audit of the mailbox.

May import identity and what identity may import; not status.
"""
