"""Conversations on Telegram, and the command line."""

import os

# python-telegram-bot then gives spans of time as timedelta, its coming default.
os.environ.setdefault("PTB_TIMEDELTA", "1")
