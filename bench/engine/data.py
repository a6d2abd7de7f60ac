"""The logs and the catalogue that the benchmark reads, made once into ``build/bench-data`` and the same every time."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from aiwatch.profiles.baseline import Baseline, baseline_path, read_baseline

FOLDER = Path("build/bench-data")
CHAT, MODEL = "bench-chat", "bench-model"
_INTENTS = """
    order_status change_address cancel_order return_item refund_status damaged_item warranty_claim availability
    bill_explanation pay_bill payment_method payment_failed download_invoice change_plan data_balance buy_data
    roaming network_outage slow_internet router_setup sim_activation block_sim number_porting reset_password
    contact_details close_account speak_to_human store_hours greeting thanks
"""
INTENTS = tuple(_INTENTS.split())
FEATURES = tuple(f"feature_{number:02d}" for number in range(27))
COUNTRIES = ("DE", "FR", "NL", "PL", "US")
_START = datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp()
_A_SECOND = 4  # events
_VERSIONS = ("7", "8")
_SENTENCES = """
    please could you check again because the order from last week still has not arrived and nobody answered my
    message about the parcel that should have come on Monday so what should I do now with the old contract when
    the new card does not work in the shop near the station since yesterday thanks für die schöne Hilfe
"""
_WORDS = _SENTENCES.split()
_PERSONAL = (
    "mail me at jana.{n}@example.org",
    "call +49 30 9018{n:04d}",
    "my card is 4111 1111 1111 1111",
    "send it to DE89 3704 0044 0532 0130 00",
)


def chat_file(records: int) -> Path:
    """Return a log of ``records`` lines of a chatbot, about 550 bytes each, made if it is not there."""
    return _made(f"chat-{records}.jsonl", records, chat_lines)


def model_file(records: int) -> Path:
    """Return a log of ``records`` predictions with 30 features each, made if it is not there."""
    return _made(f"model-{records}.jsonl", records, model_lines)


def baseline(process: str) -> Baseline | None:
    """Return the baseline of a model, made once as users make theirs; a chatbot has none."""
    if not process.startswith(MODEL):
        return None
    path = baseline_path(catalogue_folder("model", processes=(MODEL,)), MODEL)
    if not path.exists():
        command = [
            str(Path(sys.executable).with_name("aiwatch")),
            "baseline",
            MODEL,
            "--catalogue",
            str(path.parent.parent),
        ]
        subprocess.run([*command, "--from", str(model_file(30_000))], check=True, stdout=subprocess.DEVNULL)
    return msgspec.structs.replace(read_baseline(path), process=process)


def catalogue_folder(name: str = "plain", redact: bool = False, processes: tuple[str, ...] = (CHAT,)) -> Path:
    """Return a catalogue of ``processes``, whose logs lie in ``<process>/*.jsonl``."""
    folder = FOLDER / f"catalogue-{name}{'-redacting' if redact else ''}"
    target = folder / "processes"
    target.mkdir(parents=True, exist_ok=True)
    for process in processes:
        content = process_settings(process, redact)
        (target / f"{process}.yml").write_bytes(msgspec.yaml.encode(content))
    return folder


def process_settings(name: str, redact: bool = False) -> dict[str, Any]:
    """Return a process as in its file: a chatbot, or a classifier when its name says so."""
    found: dict[str, Any] = {
        "name": name,
        "title": name,
        "business_unit": "bench",
        "owner": "bench@example.com",
        "kind": "classifier" if name.startswith(MODEL) else "chat",
    }
    if not redact:
        found["redact"] = []
    if name.startswith(MODEL):
        numeric = {feature: {"type": "numeric", "min": 0} for feature in FEATURES}
        country = {"type": "categorical", "values": list(COUNTRIES)}
        flags = {"new_device": {"type": "categorical"}, "weekend": {"type": "categorical"}}
        return found | {
            "decisions": ["approve", "review", "block"],
            "features": {**numeric, "country": country, **flags},
        }
    return found | {"intents": list(INTENTS)}


def _made(name: str, records: int, lines: Any) -> Path:
    path = FOLDER / name
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        print(f"making {path}", flush=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            made = islice(lines(random.Random(records)), records)
            while chunk := b"\n".join(islice(made, 10_000)):
                file.write(chunk + b"\n")
        part.rename(path)
    return path


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _hex(chance: random.Random, digits: int) -> str:
    return f"{chance.getrandbits(4 * digits):0{digits}x}"


def _event_id(chance: random.Random, seconds: float) -> str:
    front = f"{int(seconds * 1000):012x}"
    return f"{front[:8]}-{front[8:]}-7{_hex(chance, 3)}-8{_hex(chance, 3)}-{_hex(chance, 12)}"


def _text(chance: random.Random, words: int) -> str:
    """Return words; of a hundred texts fifteen also hold an order number or a price, two hold personal data."""
    first = chance.randrange(len(_WORDS) - words)
    text = " ".join(_WORDS[first : first + words])
    dice = chance.random()
    if dice < 0.1:
        return f"{text}, order {chance.randrange(10**7, 10**8)}"
    if dice < 0.15:
        return f"{text} ({chance.randrange(1, 300)}.{chance.randrange(10, 99)} EUR, 14.02.2026)"
    if dice < 0.17:
        return f"{text}, {chance.choice(_PERSONAL).format(n=chance.randrange(10_000))}"
    return text


def chat_lines(chance: random.Random) -> Iterator[bytes]:
    """Return the lines of a chatbot's log without end: of a hundred, three are feedback."""
    encode = msgspec.json.encode
    seconds = _START
    sessions = [_hex(chance, 12) for _ in range(50)]
    recent: list[str] = []
    while True:
        seconds += chance.expovariate(_A_SECOND)
        if recent and chance.random() < 0.03:
            rating = "up" if chance.random() < 0.8 else "down"
            about = recent[chance.randrange(len(recent))]
            yield encode(
                {
                    "@timestamp": _stamp(seconds),
                    "type": "feedback",
                    "id": _event_id(chance, seconds),
                    "interaction": about,
                    "rating": rating,
                }
                | ({"comment": _text(chance, 5)} if chance.random() < 0.2 else {})
            )
            continue
        slot = chance.randrange(50)
        if chance.random() < 0.25:
            sessions[slot] = _hex(chance, 12)
        event = _event_id(chance, seconds)
        if len(recent) < 200:
            recent.append(event)
        else:
            recent[chance.randrange(200)] = event
        dice = chance.random()
        outcome = "answered" if dice < 0.88 else "fallback" if dice < 0.95 else "handoff" if dice < 0.99 else "error"
        yield encode(
            {
                "@timestamp": _stamp(seconds),
                "type": "interaction",
                "id": event,
                "session": f"s-{sessions[slot]}",
                "user": f"u-{chance.randrange(10**6):06d}",
                "query": _text(chance, chance.randrange(8, 16)),
                "response": _text(chance, chance.randrange(15, 25)),
                "intent": INTENTS[min(int(chance.expovariate(0.12)), 29)],
                "confidence": round(1 - chance.betavariate(1.2, 6), 4),
                "latency": round(chance.lognormvariate(-1.0, 0.8), 4),
                "model": "intents",
                "model_version": _VERSIONS[chance.random() < 0.3],
                "input_tokens": chance.randrange(50, 900),
                "output_tokens": chance.randrange(10, 300),
                "cost": round(chance.uniform(0.0001, 0.004), 6),
                "outcome": outcome,
                "trace_id": _hex(chance, 32),
            }
        )


def model_lines(chance: random.Random) -> Iterator[bytes]:
    """Return the lines of a classifier's log without end: now and then a feature is missing or invalid."""
    encode = msgspec.json.encode
    number = partial(round, ndigits=3)
    seconds = _START
    while True:
        seconds += chance.expovariate(_A_SECOND)
        features: dict[str, Any] = {feature: number(chance.lognormvariate(3, 1)) for feature in FEATURES}
        dice = chance.random()
        if dice < 0.02:
            features[chance.choice(FEATURES)] = None
        elif dice < 0.03:
            features[chance.choice(FEATURES)] = -1.0
        features["country"] = chance.choice(COUNTRIES)
        features["new_device"] = chance.random() < 0.1
        features["weekend"] = chance.random() < 0.3
        score = round(chance.betavariate(0.5, 6), 4)
        yield encode(
            {
                "@timestamp": _stamp(seconds),
                "type": "prediction",
                "id": _event_id(chance, seconds),
                "model": "fraud",
                "model_version": _VERSIONS[chance.random() < 0.3],
                "features": features,
                "score": score,
                "decision": "approve" if score < 0.3 else "review" if score < 0.6 else "block",
                "latency": round(chance.lognormvariate(-4.5, 0.6), 5),
                "trace_id": _hex(chance, 32),
            }
        )
