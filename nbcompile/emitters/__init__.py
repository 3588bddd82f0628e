"""A plan to the files of a bundle."""
