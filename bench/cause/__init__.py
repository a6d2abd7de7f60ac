"""Plants causes of drift in streams of predictions, and counts how often the right one is ranked first."""
