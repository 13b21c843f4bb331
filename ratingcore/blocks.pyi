"""Types of the compiled module `ratingcore.blocks`: nothing is offered to Python."""
