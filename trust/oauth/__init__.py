"""The claim tables of the tokens: what each must hold, and how each is built."""
