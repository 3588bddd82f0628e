"""What travels with a workflow: runs the cells of one step and collects the executed notebook.

Standard library only, Python 3.8 syntax; imports nothing else of nbcompile. `join.py` makes ONE file of these modules.
"""
