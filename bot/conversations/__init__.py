"""The conversations, one module per kind of user or feature."""
