"""The regression gate: two runs in, yes or no out, with error rates that are stated beforehand."""
