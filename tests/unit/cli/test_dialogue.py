"""From "I can ssh" to a draft of a deployment: what is suggested, what is asked, and what is refused without an answer."""

import base64
import getpass

import click
import pytest
from click.testing import CliRunner

from nbcompile.cli import dialogue
from nbcompile.cli.dialogue import Dialogue, Wishes
from nbcompile.model.errors import UsageError
from nbcompile.model.offer import Offer, QueueOffer
from nbcompile.model.personal import Deployment, PersonalSettings
from nbcompile.model.software import FoundPython
from nbcompile.places.agent import Identity
from nbcompile.places.ssh_config import fingerprint

NOTHING = PersonalSettings()
KEY = "ssh-ed25519 " + base64.b64encode(b"a public key").decode()
OFFER = Offer(
    accounts=("a", "b"),
    queues=(QueueOffer(name="gpu", words="gpu: 4 GPUs", is_default=False), QueueOffer(name="cpu", words="cpu: 1 h", is_default=True)),
    pythons=(FoundPython("/usr/bin/python3", "3.12.1"), FoundPython("/home/me/sci/bin/python3", "3.11.2", "/home/me/sci")),
    modules=("python/3.13",),
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def talk(home, answers, call, **wishes):
    """What comes of a dialogue in which a person types these lines."""
    with CliRunner().isolation(input="".join(f"{line}\n" for line in answers)):
        return call(Dialogue("hpc", Wishes(**wishes), asks=bool(answers), home=home))


def described(home, answers=(), **wishes):
    return talk(home, answers, lambda one: one.describe(NOTHING), **wishes)


class TestDescribing:
    def test_one_line_of_flags_is_enough(self, home):
        draft = described(home, host="me@login.example:2222", key="~/.ssh/hpc", slurm=True, modules_init="/etc/m.sh")
        assert draft.deployments == {
            "hpc-login": {
                "backend": "ssh",
                "host": "login.example",
                "user": "me",
                "workRoot": "~/.nbcompile",
                "port": 2222,
                "credential": {"ref": "hpc-login"},
            },
            "hpc": {"backend": "slurm", "via": "hpc-login", "environments": {"default": {"modulesInit": "/etc/m.sh"}}},
        }
        assert draft.credentials == {"hpc-login": {"provider": "file", "path": "~/.ssh/hpc"}}

    def test_ssh_config_says_the_rest_and_its_jumps_become_deployments(self, home):
        (home / ".ssh" / "config").write_text(
            "Host lab\n HostName 10.0.0.5\n User me\n ProxyJump gate\nHost gate\n HostName gate.example\n"
        )
        (home / ".ssh" / "id_ed25519").touch()
        draft = described(home, host="lab")
        assert [(name, one["host"], one["user"], one.get("via")) for name, one in draft.deployments.items()] == [
            ("hpc-hop1", "gate.example", getpass.getuser(), None),
            ("hpc", "10.0.0.5", "me", "hpc-hop1"),
        ]
        assert draft.credentials["hpc"] == {"provider": "file", "path": str(home / ".ssh" / "id_ed25519")}

    @pytest.mark.parametrize(
        ("wishes", "credential"),
        [
            ({"agent_key": "SHA256:x"}, {"provider": "ssh-agent", "fingerprint": "SHA256:x"}),
            ({"agent_ca": "SHA256:c"}, {"provider": "ssh-agent", "authority": "SHA256:c", "principal": "me"}),
            ({"agent_ca": "SHA256:c", "principal": "gen"}, {"provider": "ssh-agent", "authority": "SHA256:c", "principal": "gen"}),
            ({"interactive": True}, {"provider": "interactive"}),
        ],
    )
    def test_every_way_to_log_in_has_a_flag(self, home, wishes, credential):
        assert described(home, host="me@lab", **wishes).credentials == {"hpc": credential}

    def test_on_a_terminal_one_chooses_among_keys_and_agents(self, home, monkeypatch):
        (home / ".ssh" / "id_rsa").touch()
        monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
        held = (Identity("my key", "SHA256:k"), Identity("", "SHA256:k", "SHA256:c", ("them", "me")))
        monkeypatch.setattr(dialogue, "identities", lambda path: held)
        certificate = {"provider": "ssh-agent", "authority": "SHA256:c", "principal": "me"}
        assert described(home, ["me", "3"], host="lab").credentials["hpc"] == certificate
        assert described(home, ["me", ""], host="lab").credentials["hpc"]["path"] == str(home / ".ssh" / "id_rsa")

    @pytest.mark.parametrize(
        ("wishes", "advice"),
        [({}, "--ssh HOST"), ({"slurm": True}, "--work-root"), ({"host": "lab"}, "--agent-ca")],
    )
    def test_what_no_flag_says_and_nobody_can_be_asked_is_named(self, home, wishes, advice):
        with pytest.raises(UsageError) as caught:
            described(home, **wishes)
        assert advice in caught.value.advice

    def test_whoever_says_only_a_name_is_asked_where_it_is(self, home):
        (home / ".ssh" / "config").write_text("Host *\n User me\nHost hpc lab-? !no\n HostName login.example\n")
        draft = described(home, ["", "y", ""], interactive=True)
        assert (draft.deployments["hpc-login"]["host"], draft.deployments["hpc"]["via"]) == ("login.example", "hpc-login")
        assert described(home, ["you@other", "n", ""], interactive=True).deployments["hpc"]["host"] == "other"

    @pytest.mark.parametrize("name", ["a b", "-x", "local", "../x", "ü"])
    def test_a_name_that_cannot_be_is_told_before_anything_is_asked(self, home, name):
        with pytest.raises(UsageError, match="a deployment cannot be called"):
            Dialogue(name, Wishes(host="lab"), asks=True, home=home).describe(NOTHING)

    def test_a_deployment_is_not_replaced_unasked(self, home):
        known = PersonalSettings(deployments={"hpc": Deployment(backend="ssh")})
        with pytest.raises(UsageError, match="already"):
            Dialogue("hpc", Wishes(host="lab", interactive=True), asks=False, home=home).describe(known)
        assert talk(home, ["y", "me"], lambda one: one.describe(known), host="lab", interactive=True).deployments["hpc"]["user"] == "me"

    def test_slurm_of_this_machine_and_behind_a_known_host(self, home):
        assert described(home, slurm=True, work_root="/work/me").deployments["hpc"] == {"backend": "slurm", "workRoot": "/work/me"}
        assert described(home, slurm=True, via="lab").deployments["hpc"] == {"backend": "slurm", "via": "lab"}


class TestBelieving:
    def believes(self, home, answers=(), **wishes):
        def call(one):
            one.describe(NOTHING)
            return one.believe("hpc", (KEY,))

        return talk(home, answers, call, host="me@lab.example:2222", interactive=True, **wishes)

    def test_a_key_that_ssh_knows_or_a_flag_names_is_believed(self, home):
        assert self.believes(home, fingerprint=fingerprint(KEY))
        (home / ".ssh" / "known_hosts").write_text(f"[lab.example]:2222 {KEY}\n")
        assert self.believes(home)

    def test_any_other_key_is_shown_and_needs_a_yes(self, home):
        assert self.believes(home, ["me", "y"])
        with pytest.raises(UsageError, match="nobody knows"):
            self.believes(home, ["me", ""])
        with pytest.raises(UsageError) as caught:
            self.believes(home, fingerprint="SHA256:other")
        assert f"--fingerprint {fingerprint(KEY)}" in caught.value.advice


class TestChoosing:
    def choice(self, home, answers=(), offer=OFFER, **wishes):
        return talk(home, answers, lambda one: one.choose(offer), host="lab", **wishes)

    def test_one_chooses_from_what_the_site_has(self, home):
        choice = self.choice(home, ["2", "", "1"])
        assert (choice.options, choice.prefix) == ({"account": "b", "partition": "cpu"}, "/home/me/sci")
        assert self.choice(home, ["1", "2", "3"]).modules == ("python/3.13",)
        assert self.choice(home, ["1", "2", "4", "/opt/env"]).prefix == "/opt/env"

    def test_flags_say_it_without_questions(self, home):
        choice = self.choice(home, account="a", partition="gpu", qos="fast", prefix="/opt/x", modules=("gcc",))
        assert choice.options == {"account": "a", "partition": "gpu", "qos": "fast"}
        assert (choice.prefix, choice.modules) == ("/opt/x", ("gcc",))

    def test_what_the_site_takes_by_default_is_not_written_down(self, home):
        offer = Offer(account="a", accounts=("a", "b"), queues=OFFER.queues)
        assert self.choice(home, offer=offer).options == {}

    def test_without_a_default_it_must_be_said(self, home):
        with pytest.raises(UsageError) as caught:
            self.choice(home)
        assert caught.value.advice == "add --account with one of a, b"
        with pytest.raises(UsageError, match="no partition is the default"):
            self.choice(home, offer=Offer(queues=OFFER.queues[:1]))


def test_every_wish_is_an_option_of_the_command():
    from nbcompile.cli.deployment import command

    parameters = {one.name for one in command.get_command(click.Context(command), "add").params}
    assert set(Wishes.__dataclass_fields__) <= parameters
