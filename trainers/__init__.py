"""Reference trainers: HOMURA (GRPO), ALPO, CPO and implicit cross-lingual rewarding.

One folder a method; ``common`` holds what they share. Losses and rewards are plain functions of
ours, the training loops are TRL's and transformers'. Needs the extra ``train``.
"""
