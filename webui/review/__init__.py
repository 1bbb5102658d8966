"""Reviews: people's decisions on what recorded drawings show."""
