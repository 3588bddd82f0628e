"""Slurm, where one logs in to it: through a host that is open already, or on this machine."""

from nbcompile_backends.slurm.backend import SlurmBackend
from nbcompile_backends.slurm.options import SlurmOptions, SlurmSettings

__all__ = ["SlurmBackend", "SlurmOptions", "SlurmSettings"]
