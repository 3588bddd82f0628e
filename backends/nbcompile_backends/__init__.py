"""The places that nbcompile can run steps on, besides this machine. Only Sessions live here."""
