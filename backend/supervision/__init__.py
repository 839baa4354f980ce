"""Starts, watches and stops the processes of a machine without containers, through supervisord.

`quick_start.sh` makes the Python environment and then hands over to `python -m backend.supervision`.
"""
