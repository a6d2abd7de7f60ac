"""alibi-detect with its defaults: two-sample Kolmogorov-Smirnov (chi-squared for text), Bonferroni over features."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
from alibi_detect.cd import KSDrift, TabularDrift

reference, *windows = [pd.read_parquet(path) for path in sys.argv[1:]]
texts = [place for place, name in enumerate(reference) if reference[name].dtype == object]
for frame in (reference, *windows):  # it takes no gaps
    for name in frame:
        frame[name] = frame[name].fillna("missing" if frame[name].dtype == object else frame[name].median())
codes = {place: {value: code for code, value in enumerate(reference.iloc[:, place].unique())} for place in texts}


def matrix(frame: pd.DataFrame) -> np.ndarray:
    columns = [
        frame.iloc[:, place].map(codes[place]).fillna(-1).to_numpy(float) if place in codes else frame.iloc[:, place]
        for place in range(frame.shape[1])
    ]
    return np.column_stack(columns)


kinds = dict.fromkeys(codes)  # the categories are those of the reference
detector = TabularDrift(matrix(reference), categories_per_feature=kinds) if kinds else KSDrift(matrix(reference))
tables = [matrix(frame) for frame in windows]
began = time.process_time()
found = [detector.predict(table)["data"] for table in tables]
seconds = time.process_time() - began
drifted = []
for each in found:
    drifted.append([name for name, p in zip(reference, each["p_val"], strict=True) if p < each["threshold"]])
print(json.dumps({"seconds": seconds, "drifted": drifted}))
