"""The invented case systems that the demo and the tests run; they share no code with the adapters that read them."""
