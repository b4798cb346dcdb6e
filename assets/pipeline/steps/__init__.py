"""What the pipeline's steps share."""
