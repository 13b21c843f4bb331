"""Pure, compiled tariff engine: price x usage -> charges. Imports nothing of ours, reads no clock, does no IO."""
