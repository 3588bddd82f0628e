"""The nouns of nbcompile: frozen values that flow between passes. No I/O, standard library only."""
