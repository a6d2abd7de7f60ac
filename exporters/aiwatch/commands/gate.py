"""`aiwatch gate`: may a model be retrained now?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
import msgspec

from aiwatch.catalogue.model import Process
from aiwatch.commands import shared
from aiwatch.hints import did_you_mean
from aiwatch.kinds.prediction import PredictionOptions
from aiwatch.respond.client import ResponderError, UnreachableError, ask_gate
from aiwatch.respond.gate import Gate
from aiwatch.respond.trail import Window

PAUSED = 3  # the exit code; 1 and 2 say that there is no answer


@click.command()
@click.argument("process")
@shared.responder_option
@shared.catalogue_folder_option
@click.option("--json", "as_json", is_flag=True, help="The answer as one JSON object.")
def gate(process: str, responder: str, catalogue_folder: Path, as_json: bool) -> None:
    """Exit with 0 if the model of PROCESS may be retrained now, with 3 and the reason if not.

    Both print the windows that retraining must leave out. When the responder cannot be reached, the answer is what
    the catalogue chose for that (`response: {gate: {fail: open}}`, or closed, which is the default). Whatever else
    is wrong exits with 1 or 2.
    """
    try:
        answer = ask_gate(responder, process)
    except UnreachableError as error:
        answer = _without_answer(process, catalogue_folder, str(error))
    except ResponderError as error:
        raise click.ClickException(str(error)) from None
    click.echo(msgspec.json.encode(answer).decode() if as_json else _text(answer))
    if not answer.allowed:
        raise SystemExit(PAUSED)


def _without_answer(process: str, folder: Path, why: str) -> Gate:
    """Return what the catalogue chose; say that this is what it is."""
    click.echo(f"the responder cannot be reached: {why}", err=True)
    options = _options(process, folder)
    allowed = options is not None and options.response.gate.fail == "open"
    chosen = "the catalogue" if options else f"the default, for there is no catalogue in {folder}"
    reason = f"nobody knows, for the responder cannot be reached; `fail: {'open' if allowed else 'closed'}` by {chosen}"
    return Gate(process=process, allowed=allowed, reason=reason, under_review=False, since=None, quarantined=(), url="")


def _options(process: str, folder: Path) -> PredictionOptions | None:
    """Return the options of a model; None when there is no catalogue at all, as on a scheduler's machine.

    Raises:
        click.ClickException: the catalogue has no such model.
    """
    if not folder.is_dir():
        return None
    models: dict[str, Process] = {
        each.name: each
        for each in shared.read_catalogue(folder).processes
        if isinstance(each.options, PredictionOptions)
    }
    if process not in models:
        hint = did_you_mean(process, models)
        raise click.ClickException(f"the catalogue in {folder} has no model called {process!r}; {hint}")
    options = models[process].options
    assert isinstance(options, PredictionOptions)
    return options


def _text(answer: Gate) -> str:
    state = "may run" if answer.allowed else "is paused"
    lines = [f"{answer.process}: retraining {state}: {answer.reason}"]
    if answer.url and not answer.allowed:
        lines.append(f"see {answer.url}")
    lines += [f"leave out {_range(window)}" for window in answer.quarantined]
    return "\n".join(lines)


def _range(window: Window) -> str:
    end = _time(window.end) if window.end else "now"
    return f"{_time(window.start)} to {end}, model version {window.model_version or 'any'}"


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
