"""P(complaint) of a message: a word LSTM."""
