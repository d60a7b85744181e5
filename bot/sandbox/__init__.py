"""A local stand-in for the Telegram Bot API with a web page to chat in."""
