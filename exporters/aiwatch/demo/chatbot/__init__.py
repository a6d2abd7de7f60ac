"""A support chatbot: a trained intent classifier, and the people who ask it things."""
