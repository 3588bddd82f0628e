"""Who may do what: what a notebook asks for, decided by what a person or an administrator allows."""
