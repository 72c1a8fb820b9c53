"""HOMURA: GRPO under a dynamic syllable-ratio reward (arXiv 2601.10187)."""
