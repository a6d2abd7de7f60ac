"""How fast the log engine is: every row of one table, usable in parts. Run by ``make bench-engine``."""
