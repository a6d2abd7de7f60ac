"""The exporter against every fault: nothing is lost, nothing is stored or counted twice."""
