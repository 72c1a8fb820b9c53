"""CPO: contrastive preference optimisation on triplets ranked by quality estimates (ALMA-R, arXiv 2401.08417)."""
