"""`make demo`: plays the story against a real daemon, and says what was proved.

KEEP=1 leaves the daemon running at the end. Exit codes: 0 all was proved, 1 something was not,
130 interrupted. However it ends, nothing is left running and no folder remains, but for KEEP=1.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from aaad.control.client import DaemonUnreachable
from aaad.control.protocol import CommandFailed
from aaad.radius.errors import Discard
from demo.daemon import Daemon, DaemonFailed
from demo.nas import Nas, NoAnswer
from demo.scene import Check, Scene
from demo.screen import LiveScreen, PlainScreen, Screen, summary
from demo.stage import PASSWORD
from demo.story import CHAPTERS, Story

NAS_NAME = "nas-1"
PLAIN_COLUMNS = 120
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
FAILURES = (CommandFailed, DaemonFailed, DaemonUnreachable, Discard, NoAnswer, OSError)
"""What can go wrong without a bug of the demonstration: a failed check, told with the log."""


def main(*, keep: bool) -> int:
    """The demonstration from start to end; the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    begun = time.monotonic()
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_COLUMNS)
    scene = Scene(chapters=CHAPTERS)
    screen = LiveScreen(console, scene) if console.is_terminal else PlainScreen(console, scene)
    folder = Path(tempfile.mkdtemp(prefix="aaad-demo-"))
    daemon = None
    kept = False
    try:
        secret = secrets.token_hex(16).encode()
        with Nas(NAS_NAME, secret, screen.seen) as nas:
            daemon = Daemon(folder, secret=secret, nas=nas)
            trouble = play(Story(daemon, nas, scene, screen), daemon, scene)
        kept = keep and not scene.failed
        if not kept and not trouble:
            drain(daemon, scene, screen)
        screen.close()
        report(console, scene, trouble, seconds=time.monotonic() - begun)
        if kept:
            explain(console, daemon)
    except KeyboardInterrupt:
        screen.close()
        console.print("Interrupted: all is stopped and removed.")
        return EXIT_INTERRUPTED
    finally:
        screen.close()
        if not kept:
            if daemon is not None:
                daemon.kill()
            shutil.rmtree(folder, ignore_errors=True)
    return EXIT_FAILED if scene.failed else 0


def play(story: Story, daemon: Daemon, scene: Scene) -> str:
    """The story; what went wrong, with the end of the daemon's log, or nothing."""
    try:
        story.play()
    except FAILURES as error:
        scene.checks.append(Check("the story reaches its end", False, str(error)))
        return daemon.log_tail()
    return ""


def drain(daemon: Daemon, scene: Scene, screen: Screen) -> None:
    """The end, as systemd asks for it."""
    code = daemon.stop()
    scene.alive = False
    scene.checks.append(Check("SIGTERM drains the daemon", code == 0, f"exit {code}"))
    screen.checked()


def report(console: Console, scene: Scene, trouble: str, *, seconds: float) -> None:
    """Every check with its outcome."""
    console.print()
    console.print(summary(scene))
    passed = sum(check.passed for check in scene.checks)
    style = "bold red" if scene.failed else "bold green"
    console.print(f"\n{passed} of {len(scene.checks)} proved in {seconds:.1f} s", style=style)
    if trouble:
        console.print(
            f"\nThe daemon's log ends:\n{trouble}", markup=False, highlight=False, soft_wrap=True
        )


def explain(console: Console, daemon: Daemon) -> None:
    """What can be done with a daemon that is left running."""
    console.print(f"\naaad runs on, as process {daemon.process_id}.", highlight=False)
    for what, command in daemon.commands("anna", PASSWORD).items():
        console.print(f"  {what}:", style="bold")
        console.print(f"    {command}", markup=False, highlight=False, soft_wrap=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(keep=os.environ.get("KEEP") == "1"))
