"""The work: simulating, judging, distilling. asyncio and the domain; no vendor."""
