"""The two ways to show a scene: one screen that lives (rich), and plain lines for a pipe.

The living screen is drawn by the story's own thread, at most every FRAME_S: what is drawn is
never half changed. Pauses are for readers, so the plain screen makes none.
"""

from __future__ import annotations

import time
from typing import Protocol

from rich import box
from rich.console import Console, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from demo.nas import Seen
from demo.scene import Customer, Scene

FRAME_S = 0.08
CHECKS_ROWS = 13
CUSTOMER_ROWS = 6
STORY_ROWS = 7
EDGE = "bright_black"


class Screen(Protocol):
    """What the story tells its audience."""

    def chapter(self, title: str) -> None: ...
    def say(self, text: str) -> None: ...
    def seen(self, packet: Seen) -> None: ...
    def decided(self, text: str) -> None: ...
    def checked(self) -> None: ...
    def draw(self) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def tick(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class PlainScreen:
    """Lines, as they happen; of the many interim reports only their consequences."""

    def __init__(self, console: Console, scene: Scene) -> None:
        self._console = console
        self._scene = scene

    def chapter(self, title: str) -> None:
        """A heading."""
        self._scene.chapter += 1
        self._line(f"\n{self._scene.chapter}. {title}")

    def say(self, text: str) -> None:
        """A line of the story."""
        self._line(f"   {self._scene.clock:<14} {text}")

    def seen(self, packet: Seen) -> None:
        """A packet."""
        if not packet.routine:
            arrow = "->" if packet.outgoing else "<-"
            self._line(f"   {self._scene.clock:<14} nas-1 {arrow} {packet.text}")

    def decided(self, text: str) -> None:
        """What the daemon says."""
        self._line(f"   {self._scene.clock:<14} aaad: {text}")

    def checked(self) -> None:
        """A check was made."""
        check = self._scene.checks[-1]
        verdict = "ok" if check.passed else "FAILED"
        self._line(f"   {self._scene.clock:<14} [{verdict}] {check.name}: {check.found}")

    def draw(self) -> None:
        """Nothing: lines stay."""

    def pause(self, seconds: float) -> None:
        """Nothing: nobody reads along."""

    def tick(self, seconds: float) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveScreen:
    """One screen, drawn again as things happen."""

    def __init__(self, console: Console, scene: Scene) -> None:
        self._scene = scene
        self._drawn_at = 0.0
        self._live = Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False)
        self._live.start()

    def chapter(self, title: str) -> None:
        """A new heading; the story begins anew below it."""
        self._scene.chapter += 1
        self._scene.title = title
        self._scene.story.clear()
        self.draw()

    def say(self, text: str) -> None:
        """A line of the story."""
        self._scene.story.append(text)
        self.draw()

    def seen(self, packet: Seen) -> None:
        """A packet."""
        self._scene.wire.append((self._scene.clock, packet.outgoing, packet.text))
        self._draw_soon()

    def decided(self, text: str) -> None:
        """What the daemon says."""
        self._scene.decisions.append(text)
        self._draw_soon()

    def checked(self) -> None:
        """A check was made."""
        self.draw()

    def draw(self) -> None:
        """Draw now."""
        self._live.update(picture(self._scene, self._live.console.height), refresh=True)
        self._drawn_at = time.monotonic()

    def pause(self, seconds: float) -> None:
        """Time to read."""
        self.draw()
        time.sleep(seconds)

    def tick(self, seconds: float) -> None:
        """Time to see a figure change."""
        self._draw_soon()
        time.sleep(seconds)

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _draw_soon(self) -> None:
        if time.monotonic() - self._drawn_at >= FRAME_S:
            self.draw()


def picture(scene: Scene, height: int) -> Layout:
    """The scene as one screen."""
    layout = Layout()
    layout.split_column(
        Layout(_heading(scene), size=1),
        Layout(name="upper", size=CUSTOMER_ROWS),
        Layout(name="lower"),
        Layout(_story(scene), size=STORY_ROWS),
    )
    layout["upper"].update(_customers(scene))
    rows = max(1, height - 1 - CUSTOMER_ROWS - STORY_ROWS - 2)
    layout["lower"].split_row(
        Layout(_wire(scene, rows), ratio=37),
        Layout(_decisions(scene, rows), ratio=35),
        Layout(_checks(scene), ratio=28),
    )
    return layout


def summary(scene: Scene) -> RenderableType:
    """Every check with its outcome."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("")
    table.add_column("what was proved")
    table.add_column("found", style="dim")
    for check in scene.checks:
        mark = Text("ok", "bold green") if check.passed else Text("FAILED", "bold red")
        table.add_row(mark, Text(check.name), Text(check.found))
    return table


def _heading(scene: Scene) -> RenderableType:
    bar = Table.grid(expand=True)
    bar.add_column()
    bar.add_column(justify="center")
    bar.add_column(justify="right")
    daemon = Text(" aaad ", "bold black on green" if scene.alive else "bold white on red")
    bar.add_row(
        Text.assemble(daemon, " authenticates, rates, limits"),
        Text(scene.clock + " New York" if scene.clock else "", "bold cyan"),
        Text(f"{scene.chapter} of {scene.chapters} ", "dim"),
    )
    return bar


def _customers(scene: Scene) -> Panel:
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    for name, width in (("customer", 8), ("offer", 20), ("online", 7), ("now", 16)):
        table.add_column(name, width=width, no_wrap=True)
    table.add_column("cost", justify="right", width=10)
    table.add_column("hours this month", ratio=1)
    for customer in scene.customers:
        table.add_row(*_row(customer))
    return Panel(table, title="customers", title_align="left", border_style=EDGE)


def _row(customer: Customer) -> list[RenderableType]:
    free = customer.price.endswith("free")
    dot = Text("● ", "green") if customer.lines else Text("○ ", "red" if customer.barred else "dim")
    online = f"{customer.time}" if customer.lines < 2 else f"{customer.lines} lines"
    return [
        dot + Text(customer.login, "bold"),
        Text(customer.offer),
        Text(online if customer.lines else ("barred" if customer.barred else "-")),
        Text(customer.price if customer.lines else "", "green" if free else "yellow"),
        Text(customer.cost, "bold"),
        _hours(customer),
    ]


def _hours(customer: Customer) -> RenderableType:
    if not customer.hard_s:
        return Text("no limit", "dim")
    colour = "green" if customer.used_s < customer.soft_s else "yellow"
    if customer.used_s >= customer.hard_s:
        colour = "red"
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(justify="right")
    used = min(customer.used_s, customer.hard_s)
    bar = ProgressBar(
        total=customer.hard_s, completed=used, complete_style=colour, finished_style=colour
    )
    hours, of = customer.used_s // 3600, customer.hard_s // 3600
    grid.add_row(bar, Text(f"{hours} of {of} h", colour))
    return grid


def _wire(scene: Scene, rows: int) -> Panel:
    text = Text(no_wrap=True, overflow="ellipsis")
    for clock, outgoing, packet in list(scene.wire)[-rows:]:
        text.append(f"{clock[-5:]} ", "dim")
        text.append("-> " if outgoing else "<- ", "cyan" if outgoing else "magenta")
        text.append(f"{packet}\n", _packet_style(packet))
    return Panel(text, title="nas-1, on the wire", title_align="left", border_style=EDGE)


def _packet_style(packet: str) -> str:
    if packet.startswith(("Access-Reject", "Disconnect-Request")) or "no answer" in packet:
        return "bold red"
    if packet.startswith(("Access-Accept", "Disconnect-ACK")):
        return "bold green"
    return "" if packet.startswith(("Access", "Start", "Stop")) else "dim"


def _decisions(scene: Scene, rows: int) -> Panel:
    text = Text("\n".join(list(scene.decisions)[-rows:]), no_wrap=True, overflow="ellipsis")
    return Panel(text, title="aaad says", title_align="left", border_style=EDGE)


def _checks(scene: Scene) -> Panel:
    text = Text(no_wrap=True, overflow="ellipsis")
    for check in scene.checks[-CHECKS_ROWS:]:
        text.append("✓ " if check.passed else "✗ ", "green" if check.passed else "bold red")
        text.append(f"{check.name}\n")
    return Panel(text, title="proved", title_align="left", border_style=EDGE)


def _story(scene: Scene) -> Panel:
    lines = list(scene.story)[-(STORY_ROWS - 2) :]
    return Panel(
        Text("\n".join(lines), no_wrap=True, overflow="ellipsis"),
        title=Text(scene.title, "bold yellow"),
        title_align="left",
        border_style="yellow",
    )
