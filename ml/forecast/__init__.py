"""Weekly demand per product: a recurrent network."""
