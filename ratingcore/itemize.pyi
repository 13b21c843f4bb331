"""Types of the compiled module `ratingcore.itemize`: nothing is offered to Python."""
