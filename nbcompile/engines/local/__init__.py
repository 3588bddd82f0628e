"""The local engine: runs a plan on this machine, a process a step, as many at a time as there are cores."""
