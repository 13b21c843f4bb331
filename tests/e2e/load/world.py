"""The customers of the load, and the price list that the auditor judges their charges by."""

from __future__ import annotations

from datetime import time as clock
from fractions import Fraction

from tests.e2e.customers import load_price_list, register
from tests.e2e.harness import Daemon
from tests.e2e.load.auditor import DayNight

LOGINS = [f"load-{number}" for number in range(24)]
FEW_LOGINS = LOGINS[:4]
"""Enough where a test is not about contention: each costs a command."""
DAYS_BACK_S = 3 * 86_400
"""Customers are older than the sessions of the load."""

TARIFF = DayNight(
    zone="Europe/Vienna",
    day_from=clock(8),
    day_to=clock(20),
    day_hour=Fraction("1.00"),
    night_hour=Fraction("0.37"),
)
PRICE_LIST = """
[pricelist]
name = "Load"
currency = "USD"
zone = "Europe/Vienna"
prices = "net"
gl = "usage"
tax_code = "internet-access"

[tariffs.day-night]
[[tariffs.day-night.bands]]
name = "day"
from = "08:00"
to = "20:00"
prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]
[[tariffs.day-night.bands]]
name = "night"
from = "20:00"
to = "08:00"
prices = [{ metric = "seconds", amount = "0.37", per = "1 h" }]

[offers.day-night]
tariff = "day-night"
service = "dialup"
"""


def set_up(daemon: Daemon, logins: list[str]) -> None:
    """Customers and prices of three days ago. The daemon needs a clock that can be set."""
    daemon.aaactl("clock", "advance", str(-DAYS_BACK_S))
    load_price_list(daemon, PRICE_LIST)
    for login in logins:
        register(daemon, login, offer="day-night", zone="Europe/Vienna")
    daemon.aaactl("clock", "advance", str(DAYS_BACK_S))
