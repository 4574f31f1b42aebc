"""The commands, one function each; their docstrings and options are what ``--help`` prints.

They import what computes when they run, after everything that can be wrong without it has been checked.
"""
