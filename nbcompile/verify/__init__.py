"""Two runs of a notebook -> what differs between them, and why."""
