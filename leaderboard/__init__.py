"""The board: a static site made of result files alone."""
