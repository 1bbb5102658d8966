"""Data set snapshots: reviewed and prompted drawings as folders that never change."""
