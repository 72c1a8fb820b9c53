"""MuSC mini from English: six scenes of 25 lines written for this project, free to redistribute, synthetic."""
