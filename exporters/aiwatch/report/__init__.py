"""Reports of drift for people: a page that works offline, and a few lines of text."""
