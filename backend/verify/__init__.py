"""`python -m backend.verify [--way laptop|pod|docker] [--json]`: checks the running system piece by piece.

From the disk to an answer through the API. In a container only what belongs to it is looked at: its processes are kept
by Docker, and the weights lie with the model server.
"""
