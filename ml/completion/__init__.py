"""Finishing a sentence: a character LSTM."""
