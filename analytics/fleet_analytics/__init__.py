"""What a fleet did, told from SpokeMQ's event log."""
