# Copyright (c) 2026 The acs.builders authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Post a text to a webhook; a program of its own, so that it can be ended at its deadline.

Standard input has a JSON object with ``url``, ``text`` and ``timeout`` in seconds. Standard output gets the reason of a
failure, which never contains the URL, because that is a secret.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the text and the secret in the URL must not reach another host."""

    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        """Let a redirect be an error."""
        return


def post(url: str, text: str, timeout: float) -> str:
    """Post a text as Slack and Mattermost take it.

    :param timeout: seconds to wait for the connection and for each part of the answer.
    :return: the reason of a failure, empty after a success.
    """
    body = json.dumps({"text": text}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "acs.builders"}
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 (the scheme was checked)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects())
    try:
        with opener.open(request, timeout=timeout) as answer:
            answer.read(1000)
    except HTTPError as error:
        redirect = ", a redirect, which is not followed" if 300 <= error.code < 400 else ""
        return f"the server answered {error.code}{redirect}"
    except URLError as error:
        return str(getattr(error.reason, "strerror", None) or type(error.reason).__name__)
    except (HTTPException, OSError) as error:
        return str(getattr(error, "strerror", None) or type(error).__name__)
    return ""


if __name__ == "__main__":
    given = json.load(sys.stdin)
    failure = post(given["url"], given["text"], given["timeout"])
    sys.stdout.write(failure)
    raise SystemExit(bool(failure))
