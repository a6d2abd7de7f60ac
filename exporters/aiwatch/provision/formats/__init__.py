"""Other shapes of what is generated, for installations that do not read files."""
