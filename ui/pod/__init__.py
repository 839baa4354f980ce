"""The place of the pod: the console of admins, and what everybody else is told."""
