"""The only place that names concrete classes: settings in, WSGI applications out."""
