"""X-AlpacaEval: instructions in several languages, answered and compared with a stored baseline."""
