"""Types of the compiled module `ratingcore.quota`: nothing is offered to Python."""
