"""The price lists that the end-to-end stories sell from."""

from __future__ import annotations

HEAD = """
[pricelist]
name = "Stories"
currency = "USD"
zone = "America/New_York"
prices = "net"
gl = "usage"
tax_code = "internet-access"
"""

WEEKDAY_HOURS = (
    HEAD
    + """
[tariffs.weekday-hours]
[[tariffs.weekday-hours.bands]]
name = "weekend"
days = ["sat-sun"]
prices = [{ metric = "seconds", amount = "0", per = "1 h" }]
[[tariffs.weekday-hours.bands]]
name = "weekday"
days = ["mon-fri"]
prices = [{ metric = "seconds", amount = "1.00", per = "1 h" }]

[offers.weekday-hours]
tariff = "weekday-hours"
service = "dialup"
"""
)
"""Requirements B112: one dollar an hour on weekdays, free weekends."""

METERED = (
    HEAD
    + """
[tariffs.metered]
[[tariffs.metered.bands]]
name = "all day"
prices = [
    { metric = "seconds", amount = "3.60", per = "1 h" },
    { metric = "octets", amount = "1.00", per = "1 MB" },
]

[offers.metered]
tariff = "metered"
service = "dialup"
"""
)
"""A thousandth of a dollar each second and a millionth each octet: charges read like counters."""
