"""Real services on loopback, for tests: sshd, Slurm with accounting, a one-time password, environment modules, a slow network.

A bare Debian 12 and root are all that is needed. Everything lives below `ground.ROOT`, and `down` removes it:

    python -m tests.services up        start all, and say how to reach them
    python -m tests.services down      end what was started, remove what was written
"""
