"""Every metric, label, index and field name that two parts share: constants, nothing else."""

# -- labels ---------------------------------------------------------------------------------------
PROCESS = "process"
MODEL_VERSION = "model_version"
INTENT = "intent"
OUTCOME = "outcome"
RATING = "rating"
DIRECTION = "direction"
CURRENCY = "currency"
DECISION = "decision"
FEATURE = "feature"
STATE = "state"  # of a process's newest window, as in `aiwatch.profiles.result`
CAUSE = "cause"
REPORT = "report"  # by its id, see `aiwatch.profiles.result.result_id`
LINE = "line"
TEXT = "text"
REASON = "reason"
STEP = "step"  # of a response
RECORD = "record"
PARTITION = "partition"  # of Kafka, as <topic>/<number>: whose series go on with whichever exporter reads it
OTHER = "other"  # the value that stands for all values beyond a label's bound
UNKNOWN = "unknown"  # the value of a label that the record does not carry

# -- domain metrics: what the watched processes did -----------------------------------------------
INTERACTIONS_TOTAL = "ai_interactions_total"
CONFIDENCE_RATIO = "ai_confidence_ratio"
LATENCY_SECONDS = "ai_latency_seconds"
ERRORS_TOTAL = "ai_errors_total"
FEEDBACK_TOTAL = "ai_feedback_total"
TOKENS_TOTAL = "ai_tokens_total"
COST_TOTAL = "ai_cost_total"
SESSIONS_TOTAL = "ai_sessions_total"
PREDICTIONS_TOTAL = "ai_predictions_total"
SCORE_RATIO = "ai_score_ratio"
PREDICTED_VALUE = "ai_predicted_value"
FEATURES_MISSING_TOTAL = "ai_features_missing_total"
FEATURES_INVALID_TOTAL = "ai_features_invalid_total"
LAST_EVENT_TIMESTAMP_SECONDS = "ai_last_event_timestamp_seconds"
PROCESS_INFO = "ai_process_info"
DRIFT_DETECTED = "ai_drift_detected"
DRIFT_EFFECT_RATIO = "ai_drift_effect_ratio"
DRIFT_EVIDENCE_RATIO = "ai_drift_evidence_ratio"
DRIFT_STATE = "ai_drift_state"
DRIFT_CAUSE_INFO = "ai_drift_cause_info"
DRIFT_REPORT_INFO = "ai_drift_report_info"
DRIFT_WINDOW_ROWS = "ai_drift_window_rows"
DRIFT_WINDOW_USUAL_ROWS = "ai_drift_window_usual_rows"
DRIFT_WINDOW_END_TIMESTAMP_SECONDS = "ai_drift_window_end_timestamp_seconds"
DRIFT_WINDOW_SECONDS = "ai_drift_window_seconds"
DRIFT_EVIDENCE_INFO = "ai_drift_evidence_info"
DRIFT_EXPECTED_SECONDS = "ai_drift_expected_seconds"
BASELINE_TIMESTAMP_SECONDS = "ai_baseline_timestamp_seconds"
BASELINE_OUTPUT_RATIO = "ai_baseline_output_ratio"
BASELINE_MAX_AGE_SECONDS = "ai_baseline_max_age_seconds"
MODEL_UNDER_REVIEW = "ai_model_under_review"
RETRAINING_PAUSED = "ai_retraining_paused"

# -- self metrics: what the exporter and the responder did ----------------------------------------
BUILD_INFO = "aiwatch_build_info"
UP = "aiwatch_up"
LINES_READ_TOTAL = "aiwatch_lines_read_total"
RECORDS_TOTAL = "aiwatch_records_total"
RECORDS_REJECTED_TOTAL = "aiwatch_records_rejected_total"
RECORDS_DUPLICATE_TOTAL = "aiwatch_records_duplicate_total"
LAG_BYTES = "aiwatch_lag_bytes"
LAG_SECONDS = "aiwatch_lag_seconds"
SINK_RETRIES_TOTAL = "aiwatch_sink_retries_total"
LAST_COMMIT_TIMESTAMP_SECONDS = "aiwatch_last_commit_timestamp_seconds"
NOTIFICATIONS_TOTAL = "aiwatch_notifications_total"
NOTIFICATION_ERRORS_TOTAL = "aiwatch_notification_errors_total"
DRIFT_WINDOWS_TOTAL = "aiwatch_drift_windows_total"
DRIFT_FAILURES_TOTAL = "aiwatch_drift_failures_total"
DRIFT_DURATION_SECONDS = "aiwatch_drift_duration_seconds"
RESPONSE_STEPS_TOTAL = "aiwatch_response_steps_total"
RESPONSE_PENDING_SECONDS = "aiwatch_response_pending_seconds"

# -- Elasticsearch --------------------------------------------------------------------------------
INDEX_PREFIX = "aiwatch-"
FAMILY_INTERACTIONS = "interactions"
FAMILY_FEEDBACK = "feedback"
FAMILY_PREDICTIONS = "predictions"
FAMILY_PROFILES = "profiles"  # what each hour of predictions looked like
FAMILY_DRIFT = "drift"  # what the tests of each window found; by the month, unlike the others
INDEX_RESPONSES = "aiwatch-responses"  # what was done about it, and by whom
INDEX_CHECKPOINTS = "aiwatch-checkpoints"  # the state of exporters that share Kafka topics
INDEX_DEAD_LETTERS = "aiwatch-dead-letters"
INDEX_NOTIFICATIONS = "aiwatch-notifications"

# -- document fields ------------------------------------------------------------------------------
TIMESTAMP = "@timestamp"
LOG = "log"  # where the document's line stands: {"stream": ..., "offset": ...}
ATTRIBUTES = "attributes"  # what a process keeps of its log beyond the fields of its kind

# -- what is looked at besides features, under names that no feature may have ---------------------
SCORE = "score"  # of a classifier
VALUE = "value"  # that a regressor predicted
RELATIONS = "relations"  # between features
VOLUME = "volume"  # of predictions
OUTCOMES = "outcomes"  # that were predicted

# -- jobs, as Prometheus knows them ---------------------------------------------------------------
JOB_DRIFT = "aiwatch-drift"
JOB_EXPORTER = "aiwatch-exporter"
JOB_RESPONDER = "aiwatch-responder"

# -- alerts that no process file configures; the others are named by the settings in `aiwatch.kinds` ---
ALERT_WATCHDOG = "Watchdog"
ALERT_EXPORTER_DOWN = "ExporterDown"
ALERT_SLO_BURN = "SLOErrorBudgetBurn"
ALERT_DRIFT_NOT_TESTED = "DriftNotTested"
ALERT_RESPONSE_NOT_DONE = "ResponseNotDone"
FRAMEWORK_ALERTS = (
    ALERT_WATCHDOG,
    ALERT_EXPORTER_DOWN,
    ALERT_DRIFT_NOT_TESTED,
    ALERT_RESPONSE_NOT_DONE,
    ALERT_SLO_BURN,
)

# -- names that a catalogue may not give --------------------------------------------------------------
RESERVED_NAME = "aiwatch"  # of a process: its generated files would be the framework's
RECEIVER_RESPONDER = "aiwatch-responder"  # of a receiver: the inbox
