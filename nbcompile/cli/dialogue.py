"""From "I can ssh" to a deployment: what options leave open is suggested, and asked for on a terminal."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import click

from nbcompile.config import check_name
from nbcompile.model.errors import UsageError
from nbcompile.model.offer import Choice, Offer
from nbcompile.model.personal import PersonalSettings
from nbcompile.places.agent import Identity, identities
from nbcompile.places.draft import WORK_ROOT, Draft, draft_host, draft_slurm, joined, login_name
from nbcompile.places.ssh_config import HostSuggestion, fingerprint, host_names, known_keys, suggest

T = TypeVar("T")
_USUAL_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command's options say."""

    host: str = ""
    slurm: bool = False
    via: str = ""
    key: str = ""
    agent_key: str = ""
    agent_ca: str = ""
    principal: str = ""
    interactive: bool = False
    fingerprint: str = ""
    work_root: str = ""
    account: str = ""
    partition: str = ""
    qos: str = ""
    modules: tuple[str, ...] = ()
    modules_init: str = ""
    prefix: str = ""
    slurm_conf: str = ""


class Dialogue:
    """Describes one deployment. Where it may not ask, it takes the first suggestion."""

    def __init__(self, name: str, wishes: Wishes, *, asks: bool, home: Path | None = None) -> None:
        self._name = name
        self._wishes = wishes
        self._asks = asks
        self._home = (home or Path.home()) / ".ssh"
        self._addresses: dict[str, tuple[str, int]] = {}

    def describe(self, personal: PersonalSettings) -> Draft:
        """What is to be written, before anything was reached. Raises `UsageError` where the options do not say enough."""
        check_name(self._name, "a deployment")
        if self._name in personal.deployments and not (self._asks and click.confirm(f"Replace `{self._name}`?")):
            raise UsageError(f"there is a deployment `{self._name}` already", f"remove it first: nbcompile deployment remove {self._name}")
        if self._asks and not self._wishes.host and not self._wishes.slurm:
            self._wishes = self._asked_for()
        wishes = self._wishes
        if not wishes.host and not wishes.slurm:
            raise UsageError(f"it is not said where `{self._name}` is", "add --ssh HOST, or --slurm for the Slurm of this machine")
        if not wishes.slurm:
            return self._with_software(self._host(self._name))
        settings = {"conf": wishes.slurm_conf}
        if not wishes.host:
            if not wishes.work_root and not wishes.via:
                raise UsageError("it is not said where jobs keep their files", "add --work-root with a directory that the nodes share")
            return self._with_software(draft_slurm(self._name, via=wishes.via, work_root=wishes.work_root, settings=settings))
        login = login_name(self._name)
        slurm = draft_slurm(self._name, via=login, work_root="", settings=settings)
        return self._with_software(joined(self._host(login), slurm))

    def believe(self, name: str, keys: tuple[str, ...]) -> bool:
        """Whether these are a host's keys: the person's ssh knows them, an option names them, or the person says so."""
        host, port = self._addresses.get(name, ("", 22))
        known = known_keys(host, port, _text(self._home / "known_hosts"))
        for key in keys:
            shown = fingerprint(key)
            if key in known or shown == self._wishes.fingerprint:
                whose = "your ssh knows" if key in known else "you named"
                click.echo(f"{host}:{port} shows the host key {shown}, which {whose}", err=True)
                continue
            if known:
                click.echo(f"{host}:{port} shows another host key than your ssh knows!", err=True)
            question = f"{host}:{port} shows the host key {shown}. Is it right?"
            if not (self._asks and click.confirm(question, default=False, err=True)):
                advice = f"compare it with what your site publishes, then add --fingerprint {shown}"
                raise UsageError(f"nobody knows whether {shown} is the host key of {host}:{port}", advice)
        return True

    def choose(self, offer: Offer) -> Choice:
        """What jobs ask of the place, and their software."""
        wishes = self._wishes
        account = wishes.account or (self._account(offer) if offer.accounts else "")
        partition = wishes.partition or (self._partition(offer) if offer.queues else "")
        options = {"account": account, "partition": partition, "qos": wishes.qos}
        given = {key: value for key, value in options.items() if value}
        if wishes.modules or wishes.prefix or not self._asks:
            return Choice(options=given, modules=wishes.modules, prefix=wishes.prefix)
        return self._software(offer, given)

    def _asked_for(self) -> Wishes:
        """Where it is, of a person who said no more than a name."""
        known = host_names(self._home / "config")
        if known:
            click.echo(f"~/.ssh/config has {', '.join(known)}", err=True)
        suggestion = self._name if self._name in known else (known[0] if len(known) == 1 else None)
        host = str(click.prompt("Host, as `host`, `user@host:port`, or a name from ~/.ssh/config", default=suggestion, err=True))
        return replace(self._wishes, host=host, slurm=click.confirm("Do jobs go to a Slurm there?", default=False, err=True))

    def _host(self, name: str) -> Draft:
        """The host, and those that ~/.ssh/config goes through."""
        wishes = self._wishes
        found = suggest(wishes.host, self._home / "config")
        drafts, via = [], wishes.via
        for number, jump in enumerate(found.jumps if not wishes.via else (), 1):
            hop = f"{name}-hop{number}"
            drafts.append(self._draft(hop, suggest(jump, self._home / "config"), via))
            via = hop
        return joined(*drafts, self._draft(name, found, via))

    def _draft(self, name: str, found: HostSuggestion, via: str) -> Draft:
        user = self._ask(f"User on {found.host}", found.user or getpass.getuser())
        self._addresses[name] = (found.host, found.port)
        credential = self._credential(found, user)
        root = self._wishes.work_root or WORK_ROOT
        return draft_host(name, host=found.host, port=found.port, user=user, via=via, work_root=root, credential=credential)

    def _credential(self, found: HostSuggestion, user: str) -> Mapping[str, object]:
        """What to log in with, as the file says it."""
        wishes = self._wishes
        if wishes.key:
            return {"provider": "file", "path": _absolute(wishes.key)}
        if wishes.agent_key:
            return {"provider": "ssh-agent", "fingerprint": wishes.agent_key}
        if wishes.agent_ca:
            return {"provider": "ssh-agent", "authority": wishes.agent_ca, "principal": wishes.principal or user}
        if wishes.interactive:
            return {"provider": "interactive"}
        return self._suggested(found, user)

    def _suggested(self, found: HostSuggestion, user: str) -> Mapping[str, object]:
        files = [Path(path) for path in (*found.keys, *(str(self._home / name) for name in _USUAL_KEYS))]
        choices: list[tuple[str, Mapping[str, object]]] = [
            (f"the key {path}", {"provider": "file", "path": str(path)}) for path in dict.fromkeys(files) if path.is_file()
        ]
        socket = os.environ.get("SSH_AUTH_SOCK", "")
        choices += [_of_agent(one, user) for one in (identities(Path(socket)) if socket else ())]
        choices.append(("no key: only what the host asks", {"provider": "interactive"}))
        if len(choices) == 1 and not self._asks:
            raise UsageError("there is no key to suggest", "add --key, --agent-key, --agent-ca or --interactive")
        return self._pick(f"Log in to {found.host} with", choices)

    def _with_software(self, draft: Draft) -> Draft:
        """With the file that brings `module`, so that modules can be asked for."""
        init = self._wishes.modules_init
        return draft.with_keys(self._name, environments={"default": {"modulesInit": init}}) if init else draft

    def _account(self, offer: Offer) -> str:
        if offer.account and (not self._asks or len(offer.accounts) == 1):
            return ""
        if not self._asks and len(offer.accounts) > 1:
            raise UsageError("it is not said which account is charged", f"add --account with one of {', '.join(offer.accounts)}")
        first = sorted(offer.accounts, key=lambda one: one != offer.account)
        return self._pick("Charge the account", [(one, one) for one in first])

    def _partition(self, offer: Offer) -> str:
        first = sorted(offer.queues, key=lambda one: not one.is_default)
        if not self._asks:
            if not first[0].is_default:
                raise UsageError("no partition is the default", f"add --partition with one of {', '.join(one.name for one in first)}")
            return ""
        return self._pick("Wait in the partition", [(one.words, one.name) for one in first])

    def _software(self, offer: Offer, options: Mapping[str, object]) -> Choice:
        choices: list[tuple[str, Choice | None]] = []
        for python in offer.pythons:
            where = python.prefix or python.path
            choices.append((f"Python {python.version} in {where}", Choice(options=options, prefix=python.prefix)))
        choices.sort(key=lambda one: one[1] is None or not one[1].prefix)
        choices += [(f"the module {one}", Choice(options=options, modules=(one,))) for one in offer.modules]
        choices.append(("a venv or conda environment somewhere else", None))
        chosen = self._pick("Run steps with", choices)
        return chosen or Choice(options=options, prefix=str(click.prompt("Its path there", err=True)))

    def _ask(self, question: str, suggestion: str) -> str:
        return str(click.prompt(question, default=suggestion, err=True)) if self._asks else suggestion

    def _pick(self, question: str, choices: Sequence[tuple[str, T]]) -> T:
        """One of several; the first is suggested."""
        if not self._asks or len(choices) == 1:
            return choices[0][1]
        for number, (words, _) in enumerate(choices, 1):
            click.echo(f"  {number}  {words}", err=True)
        number = click.prompt(question, type=click.IntRange(1, len(choices)), default=1, err=True)
        return choices[number - 1][1]


def _of_agent(one: Identity, user: str) -> tuple[str, Mapping[str, object]]:
    """An identity of the agent in words, and as the file says it: certificates come and go, who signs them stays."""
    if one.authority:
        principal = user if user in one.principals else (one.principals or (user,))[0]
        words = f"a certificate for {principal} in the ssh-agent, signed by {one.authority}"
        return words, {"provider": "ssh-agent", "authority": one.authority, "principal": principal}
    return f"the key {one.comment or one.fingerprint} in the ssh-agent", {"provider": "ssh-agent", "fingerprint": one.fingerprint}


def _absolute(path: str) -> str:
    return path if path.startswith(("~/", "/")) else str(Path(path).absolute())


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
