"""What the processes tell about themselves: metrics for Prometheus, traces for OpenTelemetry, and whence work came."""
