"""Types of the compiled module `ratingcore.cells`: nothing is offered to Python."""
