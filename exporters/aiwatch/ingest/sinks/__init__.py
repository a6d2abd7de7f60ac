"""Where documents go, one file each."""
