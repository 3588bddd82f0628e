"""The table of known calls against the real libraries: each row is executed on examples, and what it says is compared."""
