"""Take Alertmanager's notifications, keep them, and show them as an inbox."""
