"""Starts the watchdog from anywhere: `python scripts/watchdog.py --pod-id …`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backend.pod.watchdog import main

if __name__ == "__main__":
    sys.exit(main())
