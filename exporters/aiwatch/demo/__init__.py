"""Simulated processes with real small models behind them: a support chatbot and a card fraud score."""
