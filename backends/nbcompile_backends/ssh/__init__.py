"""Hosts reached by ssh: jobs are processes that outlive the connection."""

from nbcompile_backends.ssh.backend import SshBackend
from nbcompile_backends.ssh.options import SshOptions, SshSettings

__all__ = ["SshBackend", "SshOptions", "SshSettings"]
