"""``python -m tests.compose``: run docker-compose.yml, unmodified, on a Docker daemon, and prove what it promises."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

import yaml

from tests.compose.clone import ROOT, prepare
from tests.compose.daemon import Docker, address, docker, work_folder
from tests.compose.proofs import PROOFS, Proof
from tests.compose.shell import ComposeTestError, LeftOut, run, say
from tests.compose.stack import Stack
from tests.compose.standins import ensure_images

Outcome = tuple[str, str, str]
_COMPOSE = ("docker", "compose", "--profile", "*")


def main() -> int:
    """Run every proof and print a table; return 1 when one failed."""
    parser = argparse.ArgumentParser(prog="make test-compose ARGS=", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="PROOF", help=f"of {', '.join(each.__name__ for each in PROOFS)}")
    parser.add_argument("--keep", action="store_true", help="leave containers and volumes when a proof fails")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    chosen = [each for each in PROOFS if not arguments.only or each.__name__ in arguments.only]
    work = work_folder()
    work.mkdir(parents=True, exist_ok=True)
    try:
        with docker(work) as daemon:
            return _prove(chosen, daemon, work, arguments.keep)
    except ComposeTestError as error:
        say(str(error))
    except KeyboardInterrupt:
        say("interrupted; everything is removed")
    return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _prove(chosen: list[Proof], daemon: Docker, work: Path, keep: bool) -> int:
    environment = daemon.environment
    images = _images(ROOT)
    stand_ins, missing = ensure_images(
        {name: image for name, image in images.items() if name != "aiwatch"}, work, environment
    )
    folder = work / "project"
    prepare(folder)
    stack = Stack(daemon, folder, without=sorted(missing))
    say("building our image")
    stack.compose("build", "--quiet", seconds=1800)
    size = run("docker", "image", "inspect", "--format", "{{.Size}}", images["aiwatch"], env=environment)
    outcomes: list[Outcome] = [("our image", "proven", f"{int(size) / 2**20:.0f} MiB")]
    failed = False
    try:
        for proof in chosen:
            title = (proof.__doc__ or proof.__name__).strip().rstrip(".")
            if failed:
                outcomes.append((title, "NOT RUN", "after the failure above"))
                continue
            say(title)
            try:
                outcomes.append((title, "proven", proof(stack)))
            except LeftOut as reason:
                outcomes.append((title, "LEFT OUT", str(reason)))
            except Exception as error:  # whatever it is, the table has to be printed, and the stack removed
                failed = True
                outcomes.append((title, "FAILED", str(error)))
                print(stack.attempt(*_COMPOSE, "ps", "--all").stdout, file=sys.stderr)
                print(stack.attempt(*_COMPOSE, "logs", "--tail=25").stdout, file=sys.stderr)
    finally:
        if not (failed and keep):
            stack.attempt(*_COMPOSE, "down", "--volumes", "--timeout=30")
            if (upgraded := _images(stack.clone)["aiwatch"]) != images["aiwatch"]:
                stack.attempt("docker", "image", "rm", upgraded)
        if stand_ins and environment.get("DOCKER_HOST") != address(work):
            run("docker", "image", "rm", *(images[name] for name in stand_ins), env=environment)
            say("the stand-ins are removed: this daemon is not the test's own, and they bear official names")
    for name in sorted(missing):
        outcomes.append((f"the service {name}", "LEFT OUT", f"no registry, no stand-in for {images[name]}"))
    for name in sorted(stand_ins):
        outcomes.append((f"the image {images[name]}", "STAND-IN", "the wiring was proven, not the official image"))
    clamped = work / "runc-clamp.log"
    if clamped.exists():
        outcomes.append(("limits above this machine's", "LOWERED", f"see {clamped}"))
    _print(outcomes)
    return 1 if failed else 0


def _images(folder: Path) -> dict[str, str]:
    images: dict[str, str] = yaml.safe_load((folder / "docker-compose.yml").read_text())["x-images"]
    return images


def _print(outcomes: list[Outcome]) -> None:
    print()
    for title, outcome, detail in outcomes:
        print(f"  {outcome:9} {title}\n            {detail}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
