"""Evidence leaves, appended in the transaction of what they are evidence of."""
