"""Types of the compiled module `ratingcore.charge`: nothing is offered to Python."""
