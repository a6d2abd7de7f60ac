"""Evidently with its defaults: the preset for data drift, which chooses a test for each column."""

from __future__ import annotations

import json
import sys
import time

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

reference, *windows = [pd.read_parquet(path) for path in sys.argv[1:]]
began = time.process_time()
found = [Report([DataDriftPreset()]).run(window, reference).dict() for window in windows]
seconds = time.process_time() - began
drifted = []
for each in found:
    names = []
    for metric in each["metrics"]:
        config = metric.get("config", {})
        if "column" in config and "threshold" in config:
            tail = "p_value" in str(config.get("method", "")) or "p_value" in metric["metric_name"]
            value = float(metric["value"])
            if value < config["threshold"] if tail else value >= config["threshold"]:
                names.append(config["column"])
    drifted.append(names)
print(json.dumps({"seconds": seconds, "drifted": drifted}))
