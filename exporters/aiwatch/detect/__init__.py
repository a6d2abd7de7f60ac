"""Whether predictions drift from their baseline, since when, and why."""
