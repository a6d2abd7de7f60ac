"""`aiwatch demo`: simulated processes with real small models behind them."""

from __future__ import annotations

from pathlib import Path

import click

from aiwatch.hints import install

_LOG = click.Path(dir_okay=False, path_type=Path)


@click.group()
def demo() -> None:
    """Run the simulated processes of the demo; they need the extra `demo`."""
    try:
        import sklearn  # noqa: F401  # asked for here, so that the other commands start without it
    except ImportError:
        raise click.ClickException(f"the demo's models need scikit-learn: {install('demo')}") from None


@demo.command()
@click.option("--log", type=_LOG, required=True, help="File to append the interactions to.")
@click.option("--rate", default=5.0, show_default=True, help="Interactions a second.")
@click.option("--degraded", is_flag=True, help="Customers also ask about a product that the bot was not trained for.")
@click.option("--seed", default=1, show_default=True, help="Source of chance.")
@click.option("--count", type=int, help="Stop after so many interactions.  [default: never]")
def chatbot(log: Path, rate: float, degraded: bool, seed: int, count: int | None) -> None:
    """Run a support chatbot that answers simulated customers."""
    from aiwatch.demo.run import run_chatbot

    run_chatbot(log, rate=rate, degraded=degraded, seed=seed, count=count)


@demo.command()
@click.option("--log", type=_LOG, required=True, help="File to append the predictions to.")
@click.option("--rate", default=10.0, show_default=True, help="Payments a second.")
@click.option("--degrading", is_flag=True, help="A feed of features breaks, and later the payments become others.")
@click.option("--moved", is_flag=True, help="The payments have become others already: most are made online.")
@click.option("--seed", default=1, show_default=True, help="Source of chance.")
@click.option("--count", type=int, help="Stop after so many predictions.  [default: never]")
def fraud(log: Path, rate: float, degrading: bool, moved: bool, seed: int, count: int | None) -> None:
    """Run a card fraud score over simulated payments."""
    from aiwatch.demo.run import run_fraud

    if degrading and moved:
        raise click.UsageError("Choose one of --degrading and --moved.")
    run_fraud(log, rate=rate, degrading=degrading, moved=moved, seed=seed, count=count)


@demo.command()
@click.option("--logs", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the logs.")
@click.option("--days", default=30.0, show_default=True, help="Length of the past.")
@click.option("--degraded-days", default=1.0, show_default=True, help="Its degraded part, at the end.")
@click.option("--seed", default=1, show_default=True, help="Source of chance.")
def history(logs: Path, days: float, degraded_days: float, seed: int) -> None:
    """Write the past of all of them: both fraud scores, for one judges the cards of a partner, and the chatbot."""
    from aiwatch.demo.run import run_history

    try:
        run_history(logs, days=days, degraded_days=degraded_days, seed=seed)
    except FileExistsError as error:
        raise click.ClickException(str(error)) from None
