"""Benchmarks, run by hand; each module is a command and says in its help what it prints."""
