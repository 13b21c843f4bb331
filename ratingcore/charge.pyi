"""Types of the compiled module `ratingcore.charge`: a part of the meter, it offers nothing to Python."""
