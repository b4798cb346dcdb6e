"""What a request may hold; the most instances are the contract's MAX_INSTANCES."""

# What a serverless endpoint accepts.
MAX_BODY_BYTES = 4 * 1024 * 1024
# An explanation takes some hundred times as long as a prediction.
MAX_EXPLAINED = 50
MAX_RUNS = 100
MAX_REJECTS = 10_000
MAX_HOURS = 168
