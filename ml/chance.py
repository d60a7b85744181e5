"""Chance that a seed decides: of data, of order, of drawn sentences."""

from __future__ import annotations

import random


class Chance(random.Random):
    """Draws that are the same for the same seed; secrets come from the module ``secrets``.

    Python's own, as importing numpy's takes 7 MiB in the bot.
    """
