"""Ways to a chat endpoint: the real one, the limits around it, and a scripted one for tests and replays."""
