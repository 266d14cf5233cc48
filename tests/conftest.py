"""What all tests share: Hypothesis draws the same examples on every run, and takes its time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Frameworks that some tests import: no accelerator, and no chatter on stderr.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

settings.register_profile(
    "project",
    deadline=None,  # machines differ in speed
    derandomize=True,  # a red run can be run again
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
settings.load_profile("project")
