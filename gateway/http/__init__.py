"""The three HTTP faces of a node: peer, case and operations. They read and write HTTP and decide nothing."""
