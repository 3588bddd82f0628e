"""Places that steps can run at: how a person reaches them already, what is there, and what steps miss there."""
