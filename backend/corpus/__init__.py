"""The same classification and embedding for corpora of millions of rows, as a Ray Data job on one machine or many.

Rows come from files and results go to files; no database takes part. Ray is an optional requirement.
"""
