"""Tables of predictions in files: Parquet, CSV and JSON lines. What is here needs polars and numpy (extra `drift`)."""
