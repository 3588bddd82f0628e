"""What a person's ssh knows of a host is suggested, and nothing of it is run."""

import socket
import subprocess
import time

import pytest

from nbcompile.model.errors import UsageError
from nbcompile.places.agent import identities
from nbcompile.places.ssh_config import HostSuggestion, fingerprint, known_keys, suggest

CONFIG = """\
Include more/*.conf
Match exec "touch {canary}"
  User evil
Host hpc *.hpc !bad.hpc
  HostName login.%h.example
  User = "me"
  IdentityFile ~/.ssh/hpc
  IdentityFile {tmp}/%d/other
  ProxyJump gate,inner
Host *
  User somebody
  Port 2222
  ProxyCommand touch {canary}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "gpu.conf").write_text("host gpu\n  hostname 10.0.0.7\n  proxyjump none\n")
    path = tmp_path / "config"
    path.write_text(CONFIG.format(canary=tmp_path / "canary", tmp=tmp_path))
    yield path
    assert not (tmp_path / "canary").exists()


def test_the_first_value_that_fits_counts(config, tmp_path):
    keys = (str(tmp_path / ".ssh" / "hpc"),)
    assert suggest("hpc", config) == HostSuggestion(host="login.hpc.example", port=2222, user="me", keys=keys, jumps=("gate", "inner"))
    assert suggest("bad.hpc", config).user == "somebody"


def test_included_files_count_where_they_are_included(config):
    assert suggest("gpu", config) == HostSuggestion(host="10.0.0.7", port=2222, user="somebody")


def test_what_is_typed_wins(config):
    assert suggest("you@hpc:22", config).user == "you"
    assert suggest("you@hpc:22", config).port == 22
    assert suggest("you@[2001:db8::1]:2200", config) == HostSuggestion(host="2001:db8::1", port=2200, user="you")


@pytest.mark.parametrize("name", ["", "a b", "a:b", "@a", "[x]", "a:1:2", "a\n"])
def test_what_is_no_host_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="is no host"):
        suggest(name, tmp_path / "none")


def test_without_a_configuration_the_name_is_the_host(tmp_path):
    assert suggest("login.example", tmp_path / "none") == HostSuggestion(host="login.example")


def test_lines_that_mean_nothing_are_passed_over(tmp_path):
    config = tmp_path / "config"
    config.write_text("Host a\n Port many\n HostName\nnonsense\n")
    assert suggest("a", config) == HostSuggestion(host="a")
    assert known_keys("a", 22, "|1|x|y ssh-ed25519 AAAA\n|1|zzz ssh-ed25519 AAAA\na\n") == ()


def test_known_keys_are_found_plain_and_hashed(tmp_path, openssh):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    known = tmp_path / "known_hosts"
    known.write_text(f"# a comment\n@revoked login {public}\nlogin,10.0.0.1 {public}\n[login]:2222 {public} comment\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
    text = known.read_text()
    assert "|1|" in text
    assert known_keys("login", 22, text) == (public,)
    assert known_keys("login", 2222, text) == (public,)
    assert known_keys("other", 22, text) == ()
    shown = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], capture_output=True, text=True, check=True).stdout
    assert fingerprint(public) == shown.split()[1]


def wait_for_agent(agent, path):
    """Until it answers: its socket is there a moment before anybody listens."""
    deadline = time.monotonic() + 60
    with socket.socket(socket.AF_UNIX) as probe:
        while probe.connect_ex(str(path)):
            assert agent.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_an_agents_keys_and_certificates_are_listed(tmp_path, openssh, kind):
    for name in ("authority", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"the {name}", "-f", tmp_path / name], check=True)
    words = ["ssh-keygen", "-q", "-s", tmp_path / "authority", "-I", "today", "-n", "me,us", "-V", "+1h", tmp_path / "key.pub"]
    subprocess.run(words, check=True)
    path = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        wait_for_agent(agent, path)
        environ = {"SSH_AUTH_SOCK": str(path), "PATH": "/usr/bin:/bin"}
        subprocess.run(["ssh-add", "-q", tmp_path / "key"], check=True, env=environ)
        listed = subprocess.run(["ssh-add", "-l"], capture_output=True, text=True, check=True, env=environ).stdout
        plain, certificate = identities(path)
    finally:
        agent.terminate()
        agent.wait()
    assert plain.fingerprint == certificate.fingerprint == listed.split()[1]
    assert (plain.comment, plain.authority) == ("the key", "")
    assert certificate.authority == fingerprint((tmp_path / "authority.pub").read_text())
    assert certificate.principals == ("me", "us")


def test_no_agent_is_no_identities(tmp_path):
    assert identities(tmp_path / "none") == ()
