"""Files of reviews: looked at in a moment, read row by row in little memory."""
