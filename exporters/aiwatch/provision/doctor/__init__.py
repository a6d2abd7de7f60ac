"""What keeps an installation in containers from starting, and what to do about it."""
