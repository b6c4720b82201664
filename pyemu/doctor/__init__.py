"""What slows an emulator down or stops it on this machine, and what to change."""

from pyemu.doctor.diagnosis import Diagnosis as Diagnosis
from pyemu.doctor.diagnosis import diagnose as diagnose
from pyemu.doctor.finding import Finding as Finding
