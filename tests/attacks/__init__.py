"""Attacks on a site of this machine, bounded in number and in time."""
