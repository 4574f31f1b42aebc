"""Numerical work that knows nothing of documents or relations; the model is built on it."""
