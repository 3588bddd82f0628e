"""What Slurm says of a site becomes queues, accounts and limits; what it says in another form is not believed."""

import pytest

from nbcompile.backend import Queue
from nbcompile_backends.slurm import answers

SINFO = """\
cpu*|1:00:00|2|4|2000|(null)
gpu|1-12:30:00|4|64|512000+|gpu:a100:4(S:0-1)
gpu|1-12:30:00|2|128+|256000|gpu:h100:8,craynetwork:4
debug|30:00|1|4|2000|gpu:1
any|infinite|1|4|2000|(null)
$(id)|1:00|1|1|1|(null)
garbage
"""


def test_partitions_are_queues():
    assert answers.read_partitions(SINFO) == (
        Queue("cpu", True, 60, 2, 4, 2000),
        Queue("gpu", False, 36 * 60 + 30, 6, 128, 512000, ("a100:4", "h100:8")),
        Queue("debug", False, 30, 1, 4, 2000, ("1",)),
        Queue("any", False, None, 1, 4, 2000),
    )


def test_associations_are_accounts_and_qualities():
    said = "acct-a|normal,scavenge|normal\nacct-b|normal|\n; rm -rf|x y|\n"
    assert answers.read_associations(said) == (("acct-a", "acct-b"), ("normal", "scavenge"))


@pytest.mark.parametrize(("said", "name"), [("acct-a\n", "acct-a"), ("\n", ""), ("a|b\n", ""), ("a\nb\n", "")])
def test_a_default_account_is_one_name(said, name):
    assert answers.read_name(said) == name


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"AccountingStorageEnforce": "associations,limits,qos,safe", "TaskPlugin": "task/cgroup"}, ()),
        ({"AccountingStorageEnforce": "associations", "TaskPlugin": "task/affinity,task/cgroup"}, ("limits of accounts",)),
        ({"AccountingStorageEnforce": "none", "TaskPlugin": "task/none"}, ("any account", "limits of accounts", "memory")),
    ],
)
def test_what_slurm_does_not_hold_jobs_to_is_said(configuration, words):
    said = answers.unenforced(configuration)
    assert len(said) == len(words)
    assert all(word in sentence for word, sentence in zip(words, said, strict=True))
