"""Configuration generated from the catalogue: the other half."""
