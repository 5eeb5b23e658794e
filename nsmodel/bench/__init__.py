"""Our engine beside the checkers that are installed: the same systems, the same counts, times as ratios."""
