"""For people who test or try out Quarterdeck; it may use any room, and no other room uses it."""
