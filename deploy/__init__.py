"""Scripts and configuration that bring Ondol up."""
