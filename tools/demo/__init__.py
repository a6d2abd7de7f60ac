"""The whole of aiwatch on one machine without containers: real servers, real models, real alerts."""
