"""The commands, one function each; their docstrings and options are what ``--help`` prints.

They import the modules that compute only when they run, after checking everything that needs none of them.
"""
