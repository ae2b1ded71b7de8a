"""Work in threads, the machine's clock, and limits in memory: what every room may use."""
