"""Who may do what: users, sign-in, sessions, API tokens."""
