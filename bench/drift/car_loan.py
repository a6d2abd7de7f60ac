"""The synthetic car-loan set of NannyML's wheel: fifty thousand rows to compare with, ten chunks of five thousand."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from bench.report import Figure

WHEEL = "nannyml==0.13.1"
FOLDER = Path("~/.cache/aiwatch/car-loan").expanduser()
DRIFTS = {"car_value", "loan_length", "salary_range", "repaid_loan_on_prev_car", "score"}
FIRST = 5
KS = (0.01576, 0.01268, 0.01734, 0.01280, 0.01918, 0.00824, 0.01058, 0.01002, 0.01068, 0.00680)


def files() -> tuple[Path, Path]:
    """Return reference and analysis period, fetched once."""
    names = tuple(f"synthetic_car_loan_{period}.csv" for period in ("reference", "analysis"))
    if not all((FOLDER / name).exists() for name in names):
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(FOLDER), WHEEL]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(FOLDER.glob("nannyml-*.whl"))) as wheel:
            for name in names:
                (FOLDER / name).write_bytes(wheel.read(f"nannyml/datasets/data/{name}"))
    return FOLDER / names[0], FOLDER / names[1]


def figures() -> list[Figure]:
    """Return what `aiwatch drift` says of them."""
    reference, analysis = files()
    command = [str(Path(sys.executable).parent / "aiwatch"), "drift", "--json", "--chunk", "5000"]
    done = subprocess.run(
        [*command, "--reference", str(reference), "--current", str(analysis)], check=True, capture_output=True
    )
    found = {
        (chunk["number"], each["feature"]): each
        for chunk in json.loads(done.stdout)["chunks"]
        for each in chunk["findings"]
        if each["test"] not in ("missing_share", "unseen_categories")
    }
    drifted = {key for key, each in found.items() if each["drifted"]}
    exact = [found[number, "debt_to_income_ratio"]["statistic"] for number in range(10)]
    wanted = {(number, name) for number in range(FIRST, 10) for name in DRIFTS}
    others = {key for key in drifted if key[1] not in DRIFTS | {"relations"}}
    return [
        Figure("car-loan: features x chunks that drift from chunk 5 on", len(drifted & wanted), "of 25", ">= 25"),
        Figure("car-loan: drift before chunk 5", sum(number < FIRST for number, _ in drifted), "", "<= 0"),
        Figure("car-loan: drift in any other feature", len(others), "", "<= 0"),
        Figure(
            "car-loan: KS of debt_to_income_ratio, largest difference",
            round(1e4 * max(abs(one - other) for one, other in zip(exact, KS, strict=True)), 6),
            "1e-4",
            "<= 2",
        ),
    ]
