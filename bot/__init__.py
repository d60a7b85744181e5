"""Conversations on Telegram, and the command line."""
