"""The invariants of order safety, checked on evidence: the same code for the model, the chaos run and a day's audit."""

from domain.invariants.evidence import Breach, Evidence
from domain.invariants.liveness import check_liveness
from domain.invariants.safety import check_safety
from domain.invariants.survey import Finding, survey, unchecked

__all__ = ["Breach", "Evidence", "Finding", "check_liveness", "check_safety", "survey", "unchecked"]
