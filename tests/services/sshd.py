"""Hosts to log in to: one sshd per loopback address, with keys, certificates of a user CA and of a host CA, and one that asks an OTP."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.services import daemons
from tests.services.ground import MARK, PEOPLE, ROOT, directory, run, write

SSHD = "/usr/sbin/sshd"
KEYS = ROOT / "keys"
SITES = ROOT / "sites"
PAM_SERVICE = Path("/etc/pam.d/nbcompile-otp")
OTP_USERS = ROOT / "otp" / "users"


class Site(NamedTuple):
    """An sshd of ours. `options` are further lines of its configuration."""

    name: str
    address: str
    port: int = 2222
    options: tuple[str, ...] = ()
    otp: bool = False

    @property
    def host_key(self) -> str:
        """Its public host key, as one pins it."""
        return " ".join((SITES / self.name / "host_key.pub").read_text().split()[:2])

    @property
    def log(self) -> Path:
        """What its sshd says; VERBOSE, so that every accepted key and certificate is in it."""
        return ROOT / "log" / f"sshd-{self.name}.log"


LOGIN = Site("login", "127.0.1.21")
HOST1 = Site("host1", "127.0.1.22")
HOST2 = Site("host2", "127.0.1.23")
ISLAND = Site("island", "127.0.1.25")
"""A host where homes are elsewhere, as on machines that share no file system."""
OTP = Site("otp", "127.0.1.24", otp=True)

_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {directory}/host_key
HostCertificate {directory}/host_key-cert.pub
PidFile none
AuthorizedKeysFile .ssh/authorized_keys
TrustedUserCAKeys {root}/keys/user_ca.pub
AuthorizedPrincipalsFile {directory}/principals/%u
PasswordAuthentication no
PermitRootLogin no
AllowUsers {people}
MaxStartups 100
Subsystem sftp internal-sftp
LogLevel VERBOSE
SetEnv {environment}
{authentication}
{options}
"""
_KEY_ONLY = "KbdInteractiveAuthentication no\nUsePAM no"
_KEY_AND_OTP = "KbdInteractiveAuthentication yes\nUsePAM yes\nAuthenticationMethods publickey,keyboard-interactive"


def make_keys() -> None:
    """A key and an eight-hour certificate for each person, and the two authorities."""
    directory(KEYS, mode=0o711)
    for name in ("user_ca", "host_ca", *PEOPLE):
        make_key(KEYS / name)
    for person in PEOPLE:
        certify(KEYS / f"{person}.pub", principals=(person,), key_id=f"standing-{person}", validity="-1m:+8h")
        home = directory(ROOT / "home" / person / ".ssh", owner=person, mode=0o700)
        write(home / "authorized_keys", (KEYS / f"{person}.pub").read_text(), owner=person, mode=0o600)


def make_key(path: Path) -> None:
    """An ed25519 key without passphrase, unless it is there."""
    if not path.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", path)


def certify(
    public: Path, *, principals: tuple[str, ...], key_id: str, validity: str, authority: str = "user_ca", host: bool = False
) -> Path:
    """A certificate for a public key, written beside it as ssh expects; `validity` as `ssh-keygen -V` takes it."""
    kind = ("-h",) if host else ()
    run("ssh-keygen", "-q", "-s", KEYS / authority, *kind, "-I", key_id, "-n", ",".join(principals), "-V", validity, public)
    return public.with_name(f"{public.stem}-cert.pub")


def start(site: Site, *, environment: Mapping[str, str] = {}) -> None:
    """Start one sshd; `environment` is what its sessions find set."""
    place = directory(SITES / site.name)
    principals = directory(place / "principals")
    for person in PEOPLE:
        write(principals / person, f"{person}\n")
    make_key(place / "host_key")
    certify(place / "host_key.pub", principals=(site.address,), key_id=site.name, validity="-1m:+8h", authority="host_ca", host=True)
    settings = {MARK[0]: MARK[1], **environment}
    text = _CONFIG.format(
        port=site.port,
        address=site.address,
        directory=place,
        root=ROOT,
        people=" ".join(PEOPLE),
        environment=" ".join(f"{name}={value}" for name, value in settings.items()),
        authentication=_KEY_AND_OTP if site.otp else _KEY_ONLY,
        options="\n".join(site.options),
    )
    write(place / "sshd_config", text, mode=0o600)
    directory(Path("/run/sshd"))
    program = _prepare_otp(place) if site.otp else SSHD
    daemons.start(f"sshd-{site.name}", program, "-D", "-e", "-f", place / "sshd_config", ready=lambda: _answers(site))


def stop(site: Site, *, hard: bool = False) -> None:
    """End one sshd with all its sessions; jobs that left their session live on."""
    daemons.stop(f"sshd-{site.name}", hard=hard)


def next_code(person: str) -> str:
    """The code that the person's token would show next."""
    line = next(line.split() for line in OTP_USERS.read_text().splitlines() if line.split()[1] == person)
    used = int(line[4]) + 1 if len(line) > 4 else 0
    return run("oathtool", "--hotp", "-d", "6", "-c", str(used), line[3]).strip()


def remove_traces() -> None:
    """What cannot live below `ROOT`."""
    PAM_SERVICE.unlink(missing_ok=True)


def _prepare_otp(place: Path) -> Path:
    """PAM takes the service's name from the name of the program, so this sshd goes by another one."""
    directory(OTP_USERS.parent, mode=0o700)
    if not OTP_USERS.exists():
        write(OTP_USERS, "".join(f"HOTP {person} - {os.urandom(20).hex()}\n" for person in PEOPLE), mode=0o600)
    write(
        PAM_SERVICE,
        f"auth requisite pam_oath.so usersfile={OTP_USERS} window=20 digits=6\n"
        "account required pam_permit.so\nsession required pam_permit.so\n",
    )
    program = place / PAM_SERVICE.name
    with contextlib.suppress(FileExistsError):
        program.symlink_to(SSHD)
    return program


def _answers(site: Site) -> bool:
    try:
        with socket.create_connection((site.address, site.port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
