"""GenRM: a reward model that translates back, compares and judges in one chain of thought (arXiv 2601.10187, J)."""
