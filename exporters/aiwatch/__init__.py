"""Watch AI in production: logs in, metrics, documents, dashboards and alerts out."""
