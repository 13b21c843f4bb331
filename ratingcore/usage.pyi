"""Types of the compiled module `ratingcore.usage`: nothing is offered to Python."""
