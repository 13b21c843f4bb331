"""Types of the compiled module `ratingcore.usage`: a part of the meter, it offers nothing to Python."""
