"""Alerts: that a person is in danger, told to the services that must act."""
