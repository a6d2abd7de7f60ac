"""Several exporters that share the partitions of Kafka topics, each partition's state going with it."""
