"""A run -> Profile; Profile + what the analysis found -> better plans."""
