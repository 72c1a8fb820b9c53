"""The stages of ``sandglass build sandglass``, one file each, in the order of the paper's appendix D."""
