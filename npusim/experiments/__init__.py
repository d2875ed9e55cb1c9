"""Runs that never were: what if a cost were gone, a tile smaller, a dependency false.

Owns the changes that can be made to a run or a capture, their re-simulation, their ranking, and the
advice that rests on them. Every number here is a simulation, never a rule of thumb. Refuses to know
terminals and pictures.
"""
