"""Types of the compiled module `ratingcore.quota`: it offers nothing to Python; see `Meter.grant_seconds`."""
