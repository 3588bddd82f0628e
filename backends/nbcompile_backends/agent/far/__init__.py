"""What runs on the far side: standard library only, Python 3.6 syntax, sent as one zip file when a host is reached.

Login nodes have old Pythons; the cells run under another one, which the job's environment brings.
"""
