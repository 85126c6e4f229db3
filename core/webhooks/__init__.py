"""Webhooks: endpoints, the events that they are told of, and deliveries with their attempts."""
