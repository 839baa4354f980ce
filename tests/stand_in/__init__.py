"""Programs that take the place of what cannot exist on the machine of the tests."""
