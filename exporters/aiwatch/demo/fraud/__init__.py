"""A card fraud score: a trained classifier, and the cards, terminals and thieves that it judges."""
