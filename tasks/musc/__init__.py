"""MuSC: expressive subtitle translation of whole chunks, and building such a benchmark from two subtitle tracks."""
