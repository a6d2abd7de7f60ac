"""The catalogue: YAML files that users edit, read into one frozen model."""
