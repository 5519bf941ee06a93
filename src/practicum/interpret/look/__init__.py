"""Looking at one text through one model: what is collected, one page of it, and pictures."""
