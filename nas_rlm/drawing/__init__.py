"""Pictures of networks: boxes and arrows of the statement graph, for a terminal and as SVG."""
