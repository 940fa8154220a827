"""Test the number of planted secrets that are found, and of texts without secrets that are flagged."""

from __future__ import annotations

import base64
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from urllib.parse import quote

from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.rules import FORMS
from ansible_collections.acs.builders.plugins.module_utils.coordination.secrets.scanner import (
    OWN_TOKEN,
    find_in,
    find_secrets,
    redact,
)
from ansible_collections.acs.builders.tests.unit.secret_corpus import (
    ALNUM,
    BASE36,
    BASE64,
    HEX,
    URLSAFE,
    Planted,
    chars,
    planted,
    within,
)

SEED = 20261122
SECRETS_OF_EACH_FORM = 200
BENIGN_TEXTS = 8000
ALWAYS_FOUND = {"a GitHub token", "a private key", OWN_TOKEN}
LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy-repo"

WORDS = (
    *("build", "compile", "commit", "branch", "module", "package", "version", "status", "schema", "broker", "maven"),
    *(
        "artifact",
        "deploy",
        "environment",
        "test",
        "log",
        "management",
        "server",
        "agent",
        "usage",
        "network",
        "storage",
    ),
    *("template", "console", "the", "a", "of", "and", "is", "for", "on", "with", "after", "before", "until"),
)
MODULES = ("cloud-api", "cloud-engine-schema", "cloud-server", "cloud-plugin-hypervisor-kvm", "cloudstack-management")
PACKAGES = (
    "libmysqlclient-dev",
    "openjdk-11-jdk-headless",
    "python3-pip",
    "libssl3t64",
    "npm",
    "sg3-utils",
    "genisoimage",
)

PROSE = (
    "put the token (ghp_…) into /PAT",
    "a token looks like ghp_xxxx or ghp_" + "x" * 36 + " or github_pat_…",
    "GitHub's prefixes are ghp_, gho_, ghu_, ghs_, ghr_ and github_pat_; GitLab's are glpat-, gldt- and glrt-.",
    "set GITHUB_TOKEN=ghp_YOUR_TOKEN_HERE before you run it",
    "remote: https://x-access-token:***@github.com/acme/Build.git",
    "fatal: could not read Password for 'https://x-access-token@github.com': terminal prompts disabled",
    "clone https://user:<password>@host/x or https://user:${PASSWORD}@host/x or https://user:$TOKEN@host/x",
    "proxy: http://{{ proxy_user }}:{{ proxy_password }}@proxy.example.com:3128",
    "https://x-access-token:{{pat}}@github.com, https://user:password@example.com, ftp://anonymous:PASSWORD@mirror/x",
    "git clone https://x-access-token:$(cat /PAT)@github.com/acme/Build.git",
    'f"https://{user}:{password}@{host}/" and "https://%s:%s@%s/" % (user, password, host)',
    "https://oauth2:YOUR_ACCESS_TOKEN@gitlab.example.com/a.git with the token as password",
    "curl -H 'Authorization: Bearer $TOKEN' and -H \"Authorization: token <token>\" and Authorization: Basic ***",
    "The header is Authorization: Basic followed by the base64 of user and password.",
    "Authorization: Bearer authentication is not supported",
    "Authorization: Bearer YOUR_API_TOKEN, or Authorization: Bearer your-token-here.",
    "aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}, aws_access_key_id = AKIA" + "IOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
    "The secret access key is not in this file; the secret: none. Asia is a continent, and its key is Akia.",
    "The password of the database was changed; ask the owner. My token has run out, so the push failed with 403.",
    "the file begins with -----BEGIN OPENSSH PRIVATE KEY----- and ends with -----END OPENSSH PRIVATE KEY-----",
    "is there a line -----BEGIN RSA PRIVATE KEY----- in /etc/ssl/private/x.pem? grep says no",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "xoxb-your-token, hooks.slack.com/services/T00000000/B00000000/" + "X" * 24 + ", sk-ant-..., sk-proj-...",
    "https://chat.example.com/hooks/xxx-generatedkey-xxx or /hooks/" + "x" * 26 + ", .git/hooks/prepare-commit-msg",
    "npm_config_registry=https://registry.npmjs.org npm_lifecycle_event=build npm_package_version=4.21.0",
    "msg.subject disk-usage task-runner-with-a-very-long-name-that-goes-on-and-on-for-more-than-forty-letters",
    "- name: Clone\n  ansible.builtin.git:\n    repo: \"https://x:{{ lookup('file', '/PAT') }}@github.com/a/b\"",
    'no_log: true\nurl_password: "{{ build_pat_token }}"\nforce_basic_auth: true',
    "origin git@github.com:acme/Build.git (fetch), ssh://git@github.com:22/acme/Build.git",
    "jdbc:mysql://localhost:3306/cloud?user=cloud and http://[::1]:8080/client/api, mail root@ll-ACSBuilder1",
    "[redacted: a GitHub token] was here, and https://user:[redacted]@host",
)


def words(random: Random, count: int) -> str:
    """Return random words."""
    return " ".join(random.choices(WORDS, k=count))


def lines(random: Random, count: int, width: int = 64, alphabet: str = BASE64) -> str:
    """Return lines of Base64."""
    return "\n".join(chars(random, alphabet, width) for number in range(count)) + "=="


def version(random: Random) -> str:
    """Return a version of a package of Debian or Ubuntu."""
    return ".".join(str(random.randrange(40)) for number in range(3)) + f"-{random.randrange(9)}ubuntu0.22.04.1"


def digest(random: Random) -> str:
    """Return a hash of Git, MD5, SHA-256 or SHA-512."""
    return chars(random, HEX, random.choice([7, 12, 32, 40, 64, 128]))


def identifier(random: Random) -> str:
    """Return a UUID."""
    return str(uuid.UUID(int=random.getrandbits(128)))


def java(random: Random) -> str:
    """Return a stack trace of Java."""
    frames = "\n".join(
        f"\tat com.cloud.{random.choice(WORDS)}.{random.choice(WORDS).title()}ManagerImpl${chars(random, BASE36, 8)}"
        f".{random.choice(WORDS)}(ManagerImpl.java:{random.randrange(4000)})"
        for number in range(random.randrange(3, 20))
    )
    return f"java.lang.{random.choice(['NullPointer', 'State'])}Exception: {words(random, 5)}\n{frames}\n\t... 23 more"


def hex_dump(random: Random) -> str:
    """Return output of ``hexdump -C``."""
    rows = []
    for row in range(8):
        data = random.randbytes(16)
        rows.append(f"{row * 16:08x}  {data.hex(' ')}  |{''.join(chr(c) if 32 <= c < 127 else '.' for c in data)}|")
    return "\n".join(rows)


def release(random: Random) -> str:
    """Return a Release file of apt."""
    rows = "\n".join(
        f" {chars(random, HEX, 64)} {random.randrange(10**7)} main/binary-amd64/Packages.gz" for row in range(9)
    )
    return f"Origin: Ubuntu\nSuite: jammy\nSHA256:\n{rows}"


def armor(random: Random, label: str) -> str:
    """Return Base64 between two lines with its label."""
    return f"-----BEGIN {label}-----\n{lines(random, 12)}\n-----END {label}-----"


MAKERS: tuple[Callable[[Random], str], ...] = (
    lambda random: f"commit {chars(random, HEX, 40)}\nAuthor: build1 <build1@ll-ACSBuilder1>\n\n    {words(random, 8)}",
    lambda random: f"{digest(random)}  target/{random.choice(MODULES)}-4.21.0.0.jar",
    lambda random: f"sha256:{chars(random, HEX, 64)} sha512-{base64.b64encode(random.randbytes(64)).decode()}",
    lambda random: f"job {identifier(random)} of pod {identifier(random)} {words(random, 4)}",
    lambda random: f"msg_{random.randrange(10**9, 2 * 10**9)}_{chars(random, HEX, 16)} answers msg_1762254639_7339",
    lambda random: f"Setting up {random.choice(PACKAGES)} ({version(random)}) ...",
    lambda random: (
        f"Get:7 http://archive.ubuntu.com/ubuntu jammy/main amd64 {random.choice(PACKAGES)} {version(random)} [1,2 kB]"
    ),
    lambda random: f"org.apache.cloudstack:{random.choice(MODULES)}:jar:4.21.0.0-{chars(random, HEX, 8)}:compile",
    lambda random: f"docker.io/library/ubuntu@sha256:{chars(random, HEX, 64)}",
    lambda random: f"docker://registry:5000@sha256:{chars(random, HEX, 64)}",
    lambda random: (
        f"[INFO] Downloading: https://repo.maven.apache.org/maven2/{random.choice(MODULES)}/{version(random)}.pom"
    ),
    lambda random: f"[ERROR] Failed to execute goal on project {random.choice(MODULES)}: {words(random, 12)}",
    java,
    hex_dump,
    release,
    lambda random: (
        f"/root/.m2/repository/org/apache/{random.choice(MODULES)}/{chars(random, URLSAFE, 30)}/_remote.repositories"
    ),
    lambda random: (
        f"https://github.com/apache/cloudstack/commit/{chars(random, HEX, 40)}?w={chars(random, URLSAFE, 22)}"
    ),
    lambda random: f"https://{random.choice(WORDS)}@host-{chars(random, BASE36, 6)}:8443/a/b@{chars(random, HEX, 7)}",
    lambda random: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{chars(random, BASE64, 43)} root@ll-ACSBuilder1",
    lambda random: f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{chars(random, BASE64, 500)}= root@ll-ACSBuilder2",
    lambda random: f"256 SHA256:{chars(random, BASE64, 43)} root@ll-ACSBuilder1 (ED25519)",
    lambda random: armor(random, "SSH SIGNATURE"),
    lambda random: armor(random, "CERTIFICATE"),
    lambda random: armor(random, "PUBLIC KEY"),
    lambda random: armor(random, "PGP SIGNATURE"),
    lambda random: armor(random, "PGP PUBLIC KEY BLOCK"),
    lambda random: armor(random, "CERTIFICATE REQUEST"),
    lambda random: lines(random, random.randrange(4, 40), 76),
    lambda random: lines(random, random.randrange(4, 20), 76, URLSAFE),
    lambda random: (
        f"{chars(random, ALNUM, random.randrange(16, 400))}\n{chars(random, URLSAFE, random.randrange(16, 400))}"
    ),
    lambda random: f"Linux ll-ACSBuilder1 5.15.0-{random.randrange(200)}-generic #129-Ubuntu SMP x86_64 GNU/Linux",
    lambda random: words(random, random.randrange(5, 300)).capitalize() + ".",
    lambda random: (
        f"The {random.choice(['token', 'password', 'secret', 'api key'])} of {words(random, 9)}: {random.choice(PROSE)}"
    ),
    lambda random: "\n".join(random.sample(PROSE, 6)),
    lambda random: f'"integrity": "sha512-{base64.b64encode(random.randbytes(64)).decode()}",',
)
"""Generators of texts, one for each kind of text that build servers send."""


def benign(random: Random, count: int) -> Iterator[str]:
    """Yield ``count`` texts without secrets, first all of the prose."""
    yield from PROSE
    for number in range(count - len(PROSE)):
        yield MAKERS[number % len(MAKERS)](random)


def own_token(random: Random, count: int) -> Iterator[tuple[str, Planted]]:
    """Yield the own token and a text with it: plain, in a URL, or in the header that Git sends."""
    for number in range(count):
        token = random.choice(
            [f"{chars(random, HEX, 40)}", f"{chars(random, ALNUM, 9)}/+%{chars(random, URLSAFE, 12)}"]
        )
        header = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        shown = random.choice([token, quote(token, safe=""), header])
        yield token, Planted(OWN_TOKEN, within(number, shown), shown)


def is_found(secret: Planted, token: str = "") -> bool:
    """Return whether a planted secret is found completely, with its name, and is redacted completely."""
    start = secret.text.index(secret.secret)
    end = start + len(secret.secret)
    clean, names = redact(secret.text, token)
    whole = any(
        finding[0] == secret.name and finding[1] <= start and end <= finding[2]
        for finding in find_secrets(secret.text, token)
    )
    return whole and secret.name in names and secret.secret not in clean and redact(clean, token) == (clean, [])


def test_corpus_rates() -> None:
    random = Random(SEED)
    made: Counter[str] = Counter()
    missed: dict[str, list[str]] = {}
    for token, secret in [
        *(("", secret) for secret in planted(random, SECRETS_OF_EACH_FORM)),
        *own_token(random, SECRETS_OF_EACH_FORM),
    ]:
        made[secret.name] += 1
        if not is_found(secret, token):
            missed.setdefault(secret.name, []).append(secret.text)
    texts = list(benign(random, BENIGN_TEXTS))
    flagged = [text for text in texts if find_secrets(text)]
    lost = sum(map(len, missed.values()))
    print(
        f"corpus (seed {SEED}): {sum(made.values()) - lost} of {sum(made.values())} planted secrets found,"
        f" of {len(made)} forms; {len(flagged)} of {len(texts)} benign texts flagged"
    )
    assert set(made) == {OWN_TOKEN, *(form.name for form in FORMS)}
    assert flagged == []
    for name, count in made.items():
        assert len(missed.get(name, [])) <= (0 if name in ALWAYS_FOUND else count / 100), (name, missed[name][:3])


def test_nothing_in_the_old_files_is_mistaken_for_a_secret() -> None:
    files = sorted(LEGACY.rglob("*.json"))
    assert files
    assert [(file, found) for file in files for found in find_in(json.loads(file.read_text()))] == []
