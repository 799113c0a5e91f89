"""What a client is told of its batches behind a plain balancer with two clusters, as the post sets it up."""
