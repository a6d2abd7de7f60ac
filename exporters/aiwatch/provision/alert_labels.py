"""The labels that only alerts carry, by which they are routed, grouped and inhibited: constants, nothing else."""

BUSINESS_UNIT = "business_unit"
CATEGORY = "category"
SEVERITY = "severity"
