"""The names of recorded series (`level:metric:operation`) and the labels that only they carry: constants."""

# -- every kind -----------------------------------------------------------------------------------
REQUESTS_RATE = "process:ai_requests:rate5m"
ERRORS_RATIO = "process:ai_errors:ratio5m"
LATENCY_QUANTILE = "process:ai_latency_seconds:quantile5m"
QUANTILE = "quantile"

# -- chat -----------------------------------------------------------------------------------------
CONFIDENCE_AVERAGE = "process:ai_confidence:avg24h"
SATISFACTION_RATIO = "process:ai_satisfaction:ratio24h"
FALLBACKS_RATIO = "process:ai_fallbacks:ratio1h"
HANDOFFS_RATIO = "process:ai_handoffs:ratio1h"

# -- classifier; over the window of the alert ModelDecisionRateChanged ----------------------------
DECISION_SAME_HOURS = "process_decision:ai_predictions:same_hours"
DECISION_USUAL_RATIO = "process_decision:ai_predictions:usual_ratio"
DECISION_RATIO = "process_decision:ai_predictions:ratio"

# -- service level objectives: Sloth's names, so that its public dashboards work ------------------
SLI_ERROR_RATIO = "slo:sli_error:ratio_rate"  # followed by the window: slo:sli_error:ratio_rate5m
SLO_OBJECTIVE = "slo:objective:ratio"
SLO_ERROR_BUDGET = "slo:error_budget:ratio"
SLO_PERIOD_DAYS = "slo:time_period:days"
SLO_CURRENT_BURN_RATE = "slo:current_burn_rate:ratio"
SLO_PERIOD_BURN_RATE = "slo:period_burn_rate:ratio"
SLO_BUDGET_REMAINING = "slo:period_error_budget_remaining:ratio"
SLO_INFO = "sloth_slo_info"

SLOTH_ID = "sloth_id"
SLOTH_SERVICE = "sloth_service"
SLOTH_SLO = "sloth_slo"
SLOTH_WINDOW = "sloth_window"
SLOTH_SEVERITY = "sloth_severity"
