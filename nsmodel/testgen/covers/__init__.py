"""What a suite can cover, a module each."""
