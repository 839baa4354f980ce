"""HTTP: the FastAPI application, its routes by area, and everything that guards them."""
