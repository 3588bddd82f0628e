"""Any machine on which one can start Python with its input and output connected is a place: `AgentSession` does the rest.

One small program is sent there and answers over one channel: it keeps files by digest, starts jobs that outlive it, and looks after
them. What differs between this machine and one behind ssh is only how the channel is made: a `Pipe`.
"""

from nbcompile_backends.agent.client import Host, HostFacts, LinkLost, Pipe
from nbcompile_backends.agent.local import local_pipe
from nbcompile_backends.agent.session import AgentSession

__all__ = ["AgentSession", "Host", "HostFacts", "LinkLost", "Pipe", "local_pipe"]
