"""Facts to the dataflow graph of versions."""
