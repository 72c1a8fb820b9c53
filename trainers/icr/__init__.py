"""Implicit cross-lingual rewarding (Yang et al. 2025, arXiv 2503.04647): English preferences, other languages."""
