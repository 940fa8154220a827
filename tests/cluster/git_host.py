"""The Git host: the Build repository over https, and packages over http."""

from __future__ import annotations

import secrets
import shutil
import string
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.acs.builders.tests.cluster.command import run
from ansible_collections.acs.builders.tests.cluster.image import Image, mask
from ansible_collections.acs.builders.tests.cluster.machine import Machine
from ansible_collections.acs.builders.tests.cluster.network import ADDRESSES
from ansible_collections.acs.builders.tests.cluster.packages import make_package, write_index

REPOSITORY = "Build.git"
URL = f"https://{ADDRESSES['git']}/{REPOSITORY}"
USER = "x-access-token"
SERVICES = ("nginx.service", "fcgiwrap.service", "fcgiwrap.socket")
ACCESS_LOG = "var/log/nginx/access.log"  # as in Debian's nginx.conf
CA_OF_BUILDERS = "usr/local/share/ca-certificates/acs-builders-tests.crt"
PACKAGES_OF_PYTHON = "usr/lib/python3/dist-packages"
COMPILE_ONCE = Path(__file__).with_name("compile_once.py")
FIRST_CONTENT = Path(__file__).resolve().parent.parent / "fixtures" / "legacy-repo"
NGINX = """\
client_max_body_size 0;
server {
    listen 443 ssl default_server;
    ssl_certificate /etc/nginx/tls/host.crt;
    ssl_certificate_key /etc/nginx/tls/host.key;
    location ~ ^/[^/]+[.]git/ {
        auth_basic Git;
        auth_basic_user_file /etc/nginx/passwords;
        include fastcgi_params;
        fastcgi_read_timeout 600;
        fastcgi_pass unix:/run/fcgiwrap.socket;
        fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
        fastcgi_param GIT_PROJECT_ROOT /srv/git;
        fastcgi_param GIT_HTTP_EXPORT_ALL 1;
        fastcgi_param GIT_PROTOCOL $http_git_protocol;
        fastcgi_param PATH_INFO $uri;
        fastcgi_param REMOTE_USER $remote_user;
    }
}
server {
    listen 80 default_server;
    root /srv;
    location / { return 404; }
    location /apt/ { if_modified_since off; }
}
"""
MORE_AT_ONCE = """\
[Service]
ExecStart=
ExecStart=/usr/sbin/fcgiwrap -f -c 8
"""


def make_git_host(machine: Machine, images: Iterable[Image]) -> None:
    """Write the configuration and all served files of the Git host, before it is booted."""
    machine.root.joinpath("etc/nginx/sites-enabled/default").unlink()
    machine.write("etc/nginx/conf.d/tests.conf", NGINX)
    machine.write("etc/systemd/system/fcgiwrap.service.d/tests.conf", MORE_AT_ONCE)
    certificates = machine.rig / "ca"
    for name, mode in (("host.crt", 0o644), ("host.key", 0o600)):
        machine.write(f"etc/nginx/tls/{name}", (certificates / name).read_text(), mode)
    machine.root.joinpath("srv/apt").mkdir()
    make_package(machine.root / "srv/apt", "rig-first", "1.0")  # apt of Debian 11 hangs with an empty index
    for image in images:
        serve(machine, image)
    make_repository(machine, REPOSITORY, FIRST_CONTENT)
    rotate(machine.rig)


def serve(machine: Machine, image: Image) -> None:
    """Make the Git host serve the packages of a release, if it does not yet."""
    served = machine.root / "srv/apt" / image.release
    if not served.exists():
        shutil.copytree(image.packages, served)
        write_index(served)


def make_builder(machine: Machine) -> None:
    """Make a builder trust the Git host and run no server itself, before it is booted."""
    machine.write(CA_OF_BUILDERS, (machine.rig / "ca" / "ca.crt").read_text())
    machine.chroot("update-ca-certificates")
    machine.write(f"{PACKAGES_OF_PYTHON}/compile_once.py", COMPILE_ONCE.read_text())
    machine.write(f"{PACKAGES_OF_PYTHON}/compile_once.pth", "import compile_once\n")
    for unit in SERVICES:
        mask(machine.root, unit)


def make_certificates(folder: Path) -> None:
    """Create a private certificate authority, and the Git host's certificate.

    Python 3.13 rejects an authority whose certificate has no key usage (RFC 5280, section 4.2.1.3).
    """
    folder.mkdir()
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "30")
    ca = ("-x509", "-subj", "/CN=acs.builders tests", "-keyout", "ca.key", "-out", "ca.crt")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("openssl", "req", *key, *ca, *usage, cwd=folder)
    names = f"subjectAltName=DNS:git,IP:{ADDRESSES['git']}"
    host = ("-x509", "-CA", "ca.crt", "-CAkey", "ca.key", "-subj", "/CN=git", "-addext", names)
    leaf = ("-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "host.key", "-out", "host.crt")
    run("openssl", "req", *key, *host, *leaf, cwd=folder)


def rotate(rig: Path) -> str:
    """Replace the token of the Git host by a new one, write it to the rig's folder and return it."""
    token = "ghp_" + "".join(secrets.choice(string.ascii_letters + string.digits) for _place in range(36))
    hashed = run("openssl", "passwd", "-apr1", token)
    Machine(rig, "git").write("etc/nginx/passwords", f"{USER}:{hashed}\n")
    kept = rig / "token"
    kept.touch(0o600)
    kept.write_text(token)
    return token


def make_repository(machine: Machine, name: str, content: Path | None = None) -> None:
    """Create a repository that the Git host serves.

    :param content: the folder of its first commit; None for an empty repository.
    """
    bare = machine.root / "srv/git" / name
    run("git", "init", "--quiet", "--bare", "--initial-branch=main", bare)
    run("git", "config", "--file", bare / "config", "http.receivepack", "true")
    if content:
        identity = ("-c", "user.name=old", "-c", "user.email=old@localhost")
        place = (f"--git-dir={bare}", f"--work-tree={content}", *identity)
        index = str(machine.folder / "index")
        run("git", *place, "add", "--all", GIT_INDEX_FILE=index)
        run("git", *place, "commit", "--quiet", "--message=what the old scripts left", GIT_INDEX_FILE=index)
    machine.chroot("chown", "--recursive", "www-data:www-data", f"/srv/git/{name}")
