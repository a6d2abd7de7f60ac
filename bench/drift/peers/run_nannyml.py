"""NannyML with its defaults: univariate drift, Jensen-Shannon distance, three standard deviations of the reference."""

from __future__ import annotations

import json
import sys
import time

import nannyml as nml
import pandas as pd

reference, *windows = [pd.read_parquet(path) for path in sys.argv[1:]]
names = list(reference)
size = len(windows[0])
calculator = nml.UnivariateDriftCalculator(column_names=names, chunk_size=min(size, len(reference) // 10))
calculator.fit(reference)
began = time.process_time()
found = []
for window in windows:
    calculator.chunker = nml.chunk.SizeBasedChunker(chunk_size=len(window))
    found.append(calculator.calculate(window).filter(period="analysis").to_df())
seconds = time.process_time() - began
drifted = []
for each in found:
    alerts = {column[0] for column in each if column[-1] == "alert" and bool(each[column].any())}
    drifted.append(sorted(alerts))
print(json.dumps({"seconds": seconds, "drifted": drifted}))
