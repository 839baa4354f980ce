"""Conversations: storing, prompting, streaming answers."""
