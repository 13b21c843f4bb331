"""Types of the compiled module `ratingcore.settle`: nothing is offered to Python."""
