"""What predictions looked like, in counts that add up: of the training period (baseline) and of each hour (profile)."""
