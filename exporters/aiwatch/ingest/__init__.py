"""Logs in, documents and metrics out: the data half."""
