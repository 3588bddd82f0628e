"""`python -m nbcompile`."""

from nbcompile.entry import main

main()
