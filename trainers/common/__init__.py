"""What all trainers share: configurations, safe loading, running, histories, plots, studies, toy models."""
