"""Types of the compiled module `ratingcore.cost`: nothing is offered to Python."""
