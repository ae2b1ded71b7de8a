"""The queued half of an exchange: what is delivered later, and what happens when it is not."""
