"""`python -m nbcompile`."""

from nbcompile.cli import main

main()
