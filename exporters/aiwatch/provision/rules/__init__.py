"""What Prometheus computes and watches: recording rules, alerts and service level objectives."""
