"""Types of the compiled module `ratingcore.state`: nothing is offered to Python."""
