"""Hints for learners who are stuck on a coding problem, and never the solution."""
