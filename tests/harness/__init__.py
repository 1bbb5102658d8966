"""Everything that several groups of tests share: servers, the site, visitors, drawings."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
