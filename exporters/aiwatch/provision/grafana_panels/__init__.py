"""What all Grafana pages are built from: queries, panels, and the page that places and names them."""
