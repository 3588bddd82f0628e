"""The graph and the settings to a plan: which cells run together, and what flows between the steps."""
