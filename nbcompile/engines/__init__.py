"""Plan or bundle -> RunRecord."""
