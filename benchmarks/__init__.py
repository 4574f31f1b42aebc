"""Benchmarks, run by hand; each module that measures is a command whose help says what it prints."""
