"""Pushing what was generated into running servers, one file per server."""
