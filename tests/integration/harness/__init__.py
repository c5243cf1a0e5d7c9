"""What the integration tests share: a gateway as a process, and clients that others have written."""

# A wait ends when what is waited for happens; this only tells a hang from a slow machine.
PATIENCE = 20.0
