"""Work spread over the devices and machines of a Ray cluster, which schedules, moves and retries it."""
