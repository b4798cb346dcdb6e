"""What the platform keeps in AWS of its runs and model versions: the same reading for functions and commands."""
