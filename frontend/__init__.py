"""The page: predictions, batches, versions, runs and monitoring, over the REST API alone."""
