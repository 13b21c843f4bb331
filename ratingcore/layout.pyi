"""Types of the compiled module `ratingcore.layout`: nothing is offered to Python."""
