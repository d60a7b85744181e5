"""Everything kept: the database; knows nothing of Telegram or networks."""
