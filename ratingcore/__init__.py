"""Pure, compiled tariff engine: price x usage -> charges.

Imports nothing of ours, reads no clock, does no IO. `tariff` says what prices are, `compile` lays
them over real time, `meter` counts and prices a live session, `explain` puts the result in words.
"""
