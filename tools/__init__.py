"""Tools for developing aiwatch; not part of the installed package."""
