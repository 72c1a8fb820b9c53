"""ALPO: preferences by segment, weighted and tempered by how far the candidates differ (arXiv 2602.01068)."""
