"""What a node can prove afterwards about every message, without having kept what was in it."""
