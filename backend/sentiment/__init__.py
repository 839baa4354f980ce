"""What people feel in their reviews: labels with calibrated probabilities, for a hundred thousand at a time."""
