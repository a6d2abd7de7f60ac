"""The service: every closed window is tested once, again when late data came, and only then shown."""
