"""The StreamFlow engine: StreamFlow decides which step is next, and steps run as jobs of the places they are bound to.

StreamFlow runs in a process of its own. What happens there is written to the notes of the run, which outlive both processes.
"""
