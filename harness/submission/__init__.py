"""Submissions: packing a run, checking what somebody sent, and how far its numbers can be trusted."""
