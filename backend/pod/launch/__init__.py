"""Renting, listing and giving back pods from the command line: `python -m backend.pod`.

Beside the app, which only ever starts and stops pods that exist: creating one costs money and deleting one loses its
data, so both are done here alone, by a person who has confirmed it.
"""
